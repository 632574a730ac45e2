using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Http;

/// <summary>Opens a port on the address in <see cref="HostSettings.ListenAddress"/>.</summary>
public static class Listening
{
    public static void ListenOn(this KestrelServerOptions kestrel, HostSettings settings, int port, HttpProtocols? protocols = null)
    {
        // Set only if given: Kestrel would warn about an explicit HTTP/2 without TLS, but not about its own default.
        void Configure(ListenOptions listen)
        {
            if (protocols is { } only)
            {
                listen.Protocols = only;
            }
        }

        switch (settings.ListenAddress)
        {
            case HostSettings.AnyAddress:
                kestrel.ListenAnyIP(port, Configure);
                break;
            case HostSettings.Localhost:
                kestrel.ListenLocalhost(port, Configure);
                break;
            default:
                kestrel.Listen(IPAddress.Parse(settings.ListenAddress), port, Configure);
                break;
        }
    }
}
