using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Api;

/// <summary>Which web pages may call the API from a browser.</summary>
internal sealed class CorsSettings
{
    [Setting("SCAIGRID_CORS_ORIGINS", "Comma list of origins, for example `https://app.example.com`.", DefaultText = "none")]
    public string[] Origins { get; set; } = [];
}

internal static class Cors
{
    public static void AddCors(this IHostApplicationBuilder builder)
    {
        var origins = builder.AddSettings<CorsSettings>().Origins;
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(origins)
            .AllowAnyMethod()
            .WithHeaders("Authorization", "Content-Type", "X-Request-Id", "Idempotency-Key")
            .WithExposedHeaders("X-Request-Id", "Retry-After")
            .SetPreflightMaxAge(TimeSpan.FromHours(1))));
    }
}
