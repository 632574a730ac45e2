using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Http;

/// <summary>Opens a mode's port where <see cref="HostSettings.ListenAddress"/> says.</summary>
public static class Listening
{
    public static void ListenOn(this KestrelServerOptions kestrel, HostSettings settings, int port, HttpProtocols protocols = HttpProtocols.Http1AndHttp2)
    {
        void Configure(ListenOptions listen) => listen.Protocols = protocols;
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
