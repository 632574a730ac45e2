using System.Globalization;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// The headers that describe the routing of a call: <c>X-Scaigrid-Backend</c>, <c>X-Scaigrid-Attempts</c>, and <c>X-Scaigrid-Gateway-Ms</c>, the
/// milliseconds until the answer that were not spent waiting for upstreams. <see cref="CallContext.ShowRouting"/> sets them before the first
/// byte, on every operation of both HTTP surfaces. Errors after an attempt have them as well, with the backend that was tried last, if any.
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
        headers["X-Scaigrid-Gateway-Ms"] = call.GatewayTook.TotalMilliseconds.ToString("F3", CultureInfo.InvariantCulture);
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
