using System.Globalization;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// The headers that say who answered: <c>X-Scaigrid-Backend</c>, <c>X-Scaigrid-Attempts</c>, and <c>X-Scaigrid-Gateway-Ms</c>, the time
/// until the answer that was not waiting for upstreams. Set before the first byte, on every operation of both HTTP surfaces.
/// </summary>
public static class RoutingHeaders
{
    public static void Set(HttpResponse response, Attempt attempt) => Set(response, attempt.Route, attempt.Backend.Id, attempt.Number, attempt.GatewayTook);

    public static void Set(HttpResponse response, ModelRoute model, string backendId, int attempts, TimeSpan gatewayTook)
    {
        var headers = response.Headers;
        headers["X-Scaigrid-Backend"] = backendId;
        headers["X-Scaigrid-Attempts"] = attempts == 1 ? "1" : attempts.ToString(CultureInfo.InvariantCulture);
        headers["X-Scaigrid-Gateway-Ms"] = gatewayTook.TotalMilliseconds.ToString("0.000", CultureInfo.InvariantCulture);
        if (model.Deprecation is not null)
        {
            headers["Deprecation"] = model.Deprecation;
        }

        if (model.Sunset is not null)
        {
            headers["Sunset"] = model.Sunset;
        }
    }
}
