using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Auth;

/// <summary>Settings of sign-in through <c>/v1/auth/*</c>, and of sessions.</summary>
public sealed class SignInOptions : IValidatableObject
{
    [Setting("SCAIGRID_AUTH_REDIRECT_URIS", "Comma list of the addresses to which sign-in may send browsers, each compared whole.", DefaultText = "none")]
    public string[] RedirectUris { get; set; } = [];

    [Setting("SCAIGRID_AUTH_ATTEMPTS_PER_MINUTE", "Calls of `identify`, and of `authorize`, that one address may make in a minute.")]
    [Range(1, 1_000_000)]
    public int AttemptsPerMinute { get; set; } = 30;

    [Setting("SCAIGRID_ACCESS_TOKEN_LIFETIME_S", "How long an access token of a session is good.")]
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan AccessTokenLifetime { get; set; } = TimeSpan.FromMinutes(15);

    [Setting("SCAIGRID_SESSION_LIFETIME_S", "After which somebody who signed in must do so again.")]
    [Range(typeof(TimeSpan), "00:01:00", "365.00:00:00")]
    public TimeSpan SessionLifetime { get; set; } = TimeSpan.FromDays(30);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var address in RedirectUris.Where(address => !IsRedirectUri(address)))
        {
            yield return new ValidationResult($"'{address}' must be an absolute URL without a fragment, not of a script.", [nameof(RedirectUris)]);
        }
    }

    // Mobile applications use schemes of their own.
    private static bool IsRedirectUri(string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Fragment.Length == 0 && uri.Scheme is not ("javascript" or "data" or "file" or "vbscript" or "blob");
}
