using System.ComponentModel.DataAnnotations;

namespace ScaiGrid.Core.Configuration;

/// <summary>The URL by which clients reach the installation.</summary>
public sealed class PublicOptions : IValidatableObject
{
    private static readonly Uri OnThisMachine = new("http://localhost:8000");

    [Setting(
        "SCAIGRID_PUBLIC_URL",
        "URL under which callers and browsers reach the API: links to generated media begin with it, and the issuer sends browsers back to `/v1/auth/callback` below it. Set it where a proxy ends TLS.",
        DefaultText = "scheme and host of the request for links, `http://localhost:8000` for sign-in")]
    public Uri? PublicUrl { get; set; }

    /// <summary>The absolute URL of a path.</summary>
    /// <param name="path">Begins with a slash.</param>
    /// <param name="otherwise">The base URL if none is configured; null for localhost.</param>
    public string Address(string path, string? otherwise = null) => (PublicUrl?.AbsoluteUri ?? otherwise ?? OnThisMachine.AbsoluteUri).TrimEnd('/') + path;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (PublicUrl is { Scheme: not ("https" or "http") } or { Query.Length: > 0 } or { Fragment.Length: > 0 })
        {
            yield return new ValidationResult("must be an http or https URL without a query.", [nameof(PublicUrl)]);
        }
    }
}
