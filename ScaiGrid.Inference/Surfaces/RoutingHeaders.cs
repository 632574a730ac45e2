using System.Globalization;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// The headers that say who answered: <c>X-Scaigrid-Backend</c>, <c>X-Scaigrid-Attempts</c>, and <c>X-Scaigrid-Gateway-Ms</c>, the time
/// until the answer that was not waiting for upstreams. Set before the first byte, on every operation of both HTTP surfaces: by
/// <see cref="CallContext.ShowRouting"/>. An error that comes after attempts has them as well, with the backend that was asked last, if one was.
/// </summary>
public static class RoutingHeaders
{
    public static void Set(HttpResponse response, InferenceCall call)
    {
        var headers = response.Headers;
        if (call.AskedBackendId is not null)
        {
            headers["X-Scaigrid-Backend"] = call.AskedBackendId;
        }

        headers["X-Scaigrid-Attempts"] = call.Attempts == 1 ? "1" : call.Attempts.ToString(CultureInfo.InvariantCulture);
        headers["X-Scaigrid-Gateway-Ms"] = call.GatewayTook.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);
        if (call.Route.Deprecation is not null)
        {
            headers["Deprecation"] = call.Route.Deprecation;
        }

        if (call.Route.Sunset is not null)
        {
            headers["Sunset"] = call.Route.Sunset;
        }
    }
}
