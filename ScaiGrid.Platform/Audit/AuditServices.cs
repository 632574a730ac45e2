using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Idempotency;

namespace ScaiGrid.Platform.Audit;

/// <summary>Where the audit log and idempotency keys sit among the middleware.</summary>
public static class AuditServices
{
    /// <summary>After routing, before authentication.</summary>
    public static IApplicationBuilder UseAudit(this IApplicationBuilder app) =>
        app.UseWhen(IsAudited, writes => writes.UseMiddleware<AuditMiddleware>());

    /// <summary>After authentication: keys belong to callers. Errors are rendered inside, as they are answers to keep.</summary>
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
