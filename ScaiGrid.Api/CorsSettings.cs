using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Api;

/// <summary>The origins of web pages that may call the API from a browser. They may send and read any header, without cookies.</summary>
internal sealed class CorsSettings : IValidatableObject
{
    [Setting("SCAIGRID_CORS_ORIGINS", "Comma list of origins, for example `https://app.example.com`.", DefaultText = "none")]
    public string[] Origins { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) => Origins
        .Where(origin => !Uri.TryCreate(origin, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != origin)
        .Select(origin => new ValidationResult($"'{origin}' is not an origin: give scheme, host and port only, such as https://app.example.com.", [nameof(Origins)]));
}

internal static class Cors
{
    public static void AddCors(this IHostApplicationBuilder builder)
    {
        var origins = builder.AddSettings<CorsSettings>().Origins;

        // Trust is by origin. Headers are not restricted: clients send their own (OpenAI's describe their platform) and read ours. No cookies.
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(origins)
            .AllowAnyMethod()
            .AllowAnyHeader()
            .WithExposedHeaders("*")
            .SetPreflightMaxAge(TimeSpan.FromHours(1))));
    }

    /// <summary>Use after routing. Applied only to requests with an Origin: the middleware creates a service scope for each request that it sees.</summary>
    public static void UseBrowserAccess(this IApplicationBuilder app) =>
        app.UseWhen(context => context.Request.Headers.Origin.Count > 0, pages => pages.UseCors());
}
