using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Inference.Media;

/// <summary>Links to generated media.</summary>
public sealed class MediaOptions : IValidatableObject
{
    /// <summary>How long a link works, and how long its object is kept.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    [Setting(
        "SCAIGRID_MEDIA_BASE_URL",
        "URL under which callers reach the gateway, with which links to generated media begin. Set it where a proxy ends TLS.",
        DefaultText = "scheme and host of the request")]
    public Uri? BaseUrl { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (BaseUrl is { Scheme: not ("http" or "https") })
        {
            yield return new ValidationResult("must begin with http:// or https://.", [nameof(BaseUrl)]);
        }
    }
}
