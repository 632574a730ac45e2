using System.Net.Mime;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ScaiGrid.ServiceDefaults;

/// <summary>The endpoints of probes and metrics, without authentication.</summary>
public static class HealthEndpoints
{
    private static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head];

    public static void MapDefaultEndpoints(this IEndpointRouteBuilder endpoints)
    {
        Open(endpoints.MapMethods("/health", Methods, GetHealth));
        Open(endpoints.MapMethods("/health/ready", Methods, GetReadiness));
        Open(endpoints.MapPrometheusScrapingEndpoint("/metrics"));
    }

    internal static void AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<ReadinessProbe>();
        services.AddHealthChecks().AddCheck<ServingCheck>(HealthTags.Serving, tags: [HealthTags.Serving]);
    }

    // Probes arrive every few seconds: they are left out of the request metrics.
    private static void Open(IEndpointConventionBuilder endpoint) =>
        endpoint.AllowAnonymous().DisableHttpMetrics().ExcludeFromDescription();

    private static Task GetHealth(HttpContext context) => WriteAsync(context, StatusCodes.Status200OK, "ok", checks: null);

    private static async Task GetReadiness(HttpContext context)
    {
        var probe = context.RequestServices.GetRequiredService<ReadinessProbe>();
        var drain = context.RequestServices.GetRequiredService<DrainState>();
        var checks = await probe.CheckAsync().WaitAsync(context.RequestAborted);
        var (code, status) = (drain.IsDraining, checks.All(check => check.Passed)) switch
        {
            (true, _) => (StatusCodes.Status503ServiceUnavailable, "draining"),
            (false, true) => (StatusCodes.Status200OK, "ready"),
            (false, false) => (StatusCodes.Status503ServiceUnavailable, "not_ready"),
        };
        await WriteAsync(context, code, status, checks);
    }

    private static async Task WriteAsync(HttpContext context, int code, string status, IReadOnlyList<CheckOutcome>? checks)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = MediaTypeNames.Application.Json;
        context.Response.Headers.CacheControl = "no-store";
        using (var json = new Utf8JsonWriter(context.Response.BodyWriter))
        {
            json.WriteStartObject();
            json.WriteString("status"u8, status);
            if (checks is not null)
            {
                json.WriteStartObject("checks"u8);
                foreach (var check in checks)
                {
                    json.WriteString(check.Name, check.Passed ? "ok" : "failed");
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }
}
