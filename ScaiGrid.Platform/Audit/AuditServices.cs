using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Idempotency;

namespace ScaiGrid.Platform.Audit;

/// <summary>Adds the middleware of the audit log and of idempotency keys.</summary>
public static class AuditServices
{
    /// <summary>Call after routing and before authentication.</summary>
    public static IApplicationBuilder UseAudit(this IApplicationBuilder app) =>
        app.UseWhen(IsAudited, writes => writes.UseMiddleware<AuditMiddleware>());

    /// <summary>Call after authentication, because keys belong to callers. Errors are rendered inside, because error responses are stored as well.</summary>
    public static IApplicationBuilder UseIdempotency(this IApplicationBuilder app) =>
        app.UseWhen(IsAudited, writes => writes.UseMiddleware<IdempotencyMiddleware>().UseMiddleware<ErrorHandling>());

    internal static void AddAudit(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<ProxySettings>();
        builder.Services.AddSingleton<ClientAddress>();
        builder.Services.AddSingleton<IdempotencyStore>();
    }

    private static bool IsAudited(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<AuditedAttribute>() is not null;
}
