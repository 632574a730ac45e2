using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Auth;

/// <summary>Settings of the identity provider: ScaiKey, or any OpenID Connect issuer with discovery.</summary>
public sealed class ScaiKeyOptions : IValidatableObject
{
    [Setting(
        "SCAIGRID_SCAIKEY_ISSUER",
        "Address of ScaiKey, or the issuer URL of another OpenID Connect provider (Keycloak, Entra ID …). Without it there are API keys and service tokens only.",
        DefaultText = "none")]
    public Uri? Issuer { get; set; }

    [Setting("SCAIGRID_SCAIKEY_CLIENT_ID", "Our client id at the issuer.", DefaultText = "none")]
    public string? ClientId { get; set; }

    [Setting("SCAIGRID_SCAIKEY_CLIENT_SECRET", "Our client secret at the issuer; none for a public client.", Secret = true, DefaultText = "none")]
    public string? ClientSecret { get; set; }

    [Setting("SCAIGRID_SCAIKEY_WEBHOOK_SECRET", "What ScaiKey signs its webhooks with; without it they are answered with 503.", Secret = true, DefaultText = "none")]
    [MinLength(16, ErrorMessage = "must be at least 16 characters.")]
    public string? WebhookSecret { get; set; }

    [Setting("SCAIGRID_SCAIKEY_DEFAULT_ROLE", "The role of a user whom ScaiKey adds: `tenant_user`, `tenant_viewer`, `tenant_admin`, or `none`.")]
    [AllowedValues("tenant_user", "tenant_viewer", "tenant_admin", "none", ErrorMessage = "must be tenant_user, tenant_viewer, tenant_admin or none.")]
    public string DefaultRole { get; set; } = "tenant_user";

    [Setting("SCAIGRID_SCAIKEY_AUDIENCE", "Comma list of the audiences that access tokens of the issuer may have.", DefaultText = "the client id")]
    public string[] Audience { get; set; } = [];

    [Setting("SCAIGRID_SCAIKEY_SCOPES", "What sign-in asks the issuer for, separated by spaces.")]
    public string Scopes { get; set; } = "openid email profile";

    [Setting("SCAIGRID_SCAIKEY_REQUIRED_SCOPE", "A scope that access tokens of the issuer must carry.", DefaultText = "none")]
    public string? RequiredScope { get; set; }

    [Setting("SCAIGRID_SCAIKEY_SUBJECT_CLAIM", "The claim that names a user for good.")]
    [Required]
    public string SubjectClaim { get; set; } = "sub";

    [Setting("SCAIGRID_SCAIKEY_TENANT_CLAIM", "The claim that names the user's tenant, by its id here or at the issuer, or by its slug. A token without it is not checked for it.")]
    [Required]
    public string TenantClaim { get; set; } = "tenant_id";

    [Setting("SCAIGRID_SCAIKEY_SCOPE_CLAIM", "The claim that lists a token's scopes, as one text or as a list.")]
    [Required]
    public string ScopeClaim { get; set; } = "scope";

    [Setting("SCAIGRID_SCAIKEY_EMAIL_CLAIM", "The claim that holds the user's email address.")]
    [Required]
    public string EmailClaim { get; set; } = "email";

    [Setting("SCAIGRID_SCAIKEY_EMAIL_VERIFIED_CLAIM", "The claim that says whether the issuer has verified the address.")]
    [Required]
    public string EmailVerifiedClaim { get; set; } = "email_verified";

    [Setting(
        "SCAIGRID_SCAIKEY_TRUST_EMAIL",
        "Whether addresses that the issuer does not call verified count as such when a user signs in for the first time. Only where nobody chooses their own address there.")]
    public bool TrustEmail { get; set; }

    /// <summary>The audiences that are accepted.</summary>
    internal IReadOnlyList<string> Audiences => Audience.Length > 0 ? Audience : ClientId is null ? [] : [ClientId];

    /// <summary>Whether access tokens of the issuer are accepted.</summary>
    internal bool AcceptsTokens => Issuer is not null && Audiences.Count > 0;

    /// <summary>Whether users can sign in.</summary>
    internal bool OffersSignIn => Issuer is not null && ClientId is not null;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Issuer is null)
        {
            yield break;
        }

        if (Issuer.Scheme is not ("https" or "http") || Issuer.Query.Length > 0 || Issuer.Fragment.Length > 0)
        {
            yield return new ValidationResult("must be an http or https URL without a query.", [nameof(Issuer)]);
        }

        if (Audiences.Count == 0)
        {
            yield return new ValidationResult("set it, or SCAIGRID_SCAIKEY_AUDIENCE: a token that was issued for another application must not be accepted.", [nameof(ClientId)]);
        }
    }
}
