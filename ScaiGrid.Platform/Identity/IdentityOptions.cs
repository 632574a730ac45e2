using System.Buffers;
using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Identity;

/// <summary>Settings of API keys, and of authentication without them.</summary>
public sealed class IdentityOptions : IValidatableObject
{
    private const int MinServiceTokenLength = 32;

    // The caller's user id is "service:" and the name.
    private const int MaxServiceNameLength = 32;

    private static readonly SearchValues<char> NameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    [Setting(
        "SCAIGRID_SERVICE_TOKENS",
        "List of `name:token` for internal components. A token has at least 32 characters; during a rotation a name may have two tokens.",
        Secret = true)]
    public string[] ServiceTokens { get; set; } = [];

    [Setting("SCAIGRID_API_KEYS_PER_USER", "Live API keys that one user may have; 0 for no limit.")]
    [Range(0, 1_000_000)]
    public int ApiKeysPerUser { get; set; } = 100;

    [Setting("SCAIGRID_AUTH_DISABLED", "Whether every caller is the bootstrap super admin. Not allowed in the environment Production.")]
    public bool AuthDisabled { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        for (var i = 0; i < ServiceTokens.Length; i++)
        {
            var (name, token) = Split(ServiceTokens[i]);
            if (name.Length is 0 or > MaxServiceNameLength || name.AsSpan().ContainsAnyExcept(NameCharacters)
                || token.Length < MinServiceTokenLength || token.Contains(' ', StringComparison.Ordinal))
            {
                // The entry is not shown: a token without a name would be printed.
                yield return new ValidationResult(
                    $"entry {i + 1} must be name:token, the name of 1 to {MaxServiceNameLength} of A-Za-z0-9_.-, the token of at least {MinServiceTokenLength} characters.", [nameof(ServiceTokens)]);
            }
        }
    }

    internal static (string Name, string Token) Split(string entry) =>
        entry.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? (entry[..colon], entry[(colon + 1)..]) : ("", entry);
}
