using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>The keys with which capabilities are signed.</summary>
public sealed class CapabilityOptions : IValidatableObject
{
    internal const string Variable = "SCAIGRID_STORAGE_CAPABILITY_KEY";

    [Setting(
        Variable,
        "Base64 of 32 random bytes that sign the capabilities of the storage proxy. During a key rotation a list: the first key signs, all verify. Mode bunker_proxy requires it.",
        Secret = true)]
    public string[] Keys { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Keys.Any(key => Base64Key.Decode(key) is null))
        {
            yield return new ValidationResult("each key must be base64 of exactly 32 bytes (openssl rand -base64 32).", [nameof(Keys)]);
        }
    }
}
