using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Auth;

/// <summary>Settings of the identity provider: ScaiKey, or any OpenID Connect issuer with discovery.</summary>
public sealed class ScaiKeyOptions : IValidatableObject
{
    [Setting(
        "SCAIGRID_SCAIKEY_ISSUER",
        "Address of ScaiKey, or the issuer URL of another OpenID Connect provider (Keycloak, Entra ID …). Without it, only API keys and service tokens are accepted.",
        DefaultText = "none")]
    public Uri? Issuer { get; set; }

    [Setting("SCAIGRID_SCAIKEY_CLIENT_ID", "Our client id at the issuer.", DefaultText = "none")]
    public string? ClientId { get; set; }

    [Setting("SCAIGRID_SCAIKEY_CLIENT_SECRET", "Our client secret at the issuer; none for a public client.", Secret = true, DefaultText = "none")]
    public string? ClientSecret { get; set; }

    [Setting("SCAIGRID_SCAIKEY_WEBHOOK_SECRET", "Secret with which ScaiKey signs its webhooks; without it they are answered with 503.", Secret = true, DefaultText = "none")]
    [MinLength(16, ErrorMessage = "must be at least 16 characters.")]
    public string? WebhookSecret { get; set; }

    [Setting("SCAIGRID_SCAIKEY_DEFAULT_ROLE", "Role of users that ScaiKey creates: `tenant_user`, `tenant_viewer`, `tenant_admin`, or `none`.")]
    [AllowedValues("tenant_user", "tenant_viewer", "tenant_admin", "none", ErrorMessage = "must be tenant_user, tenant_viewer, tenant_admin or none.")]
    public string DefaultRole { get; set; } = "tenant_user";

    [Setting("SCAIGRID_SCAIKEY_AUDIENCE", "List of accepted audiences of the issuer's access tokens.", DefaultText = "the client id")]
    public string[] Audience { get; set; } = [];

    [Setting("SCAIGRID_SCAIKEY_SCOPES", "Scopes that sign-in requests from the issuer, separated by spaces.")]
    public string Scopes { get; set; } = "openid email profile";

    [Setting("SCAIGRID_SCAIKEY_REQUIRED_SCOPE", "Scope that access tokens of the issuer must have.", DefaultText = "none")]
    public string? RequiredScope { get; set; }

    [Setting("SCAIGRID_SCAIKEY_SUBJECT_CLAIM", "Claim that identifies a user permanently.")]
    [Required]
    public string SubjectClaim { get; set; } = "sub";

    [Setting("SCAIGRID_SCAIKEY_TENANT_CLAIM", "Claim that identifies the user's tenant: its id here, its id at the issuer, or its slug. The tenant of a token without this claim is not checked.")]
    [Required]
    public string TenantClaim { get; set; } = "tenant_id";

    [Setting("SCAIGRID_SCAIKEY_SCOPE_CLAIM", "Claim with a token's scopes, as one string or as a list.")]
    [Required]
    public string ScopeClaim { get; set; } = "scope";

    [Setting("SCAIGRID_SCAIKEY_EMAIL_CLAIM", "Claim with the user's email address.")]
    [Required]
    public string EmailClaim { get; set; } = "email";

    [Setting("SCAIGRID_SCAIKEY_EMAIL_VERIFIED_CLAIM", "Claim that is true if the issuer has verified the address.")]
    [Required]
    public string EmailVerifiedClaim { get; set; } = "email_verified";

    [Setting(
        "SCAIGRID_SCAIKEY_TRUST_EMAIL",
        "Whether addresses that the issuer has not verified are trusted when a user signs in for the first time. Only safe if users cannot choose their address at the issuer.")]
    public bool TrustEmail { get; set; }

    [Setting("SCAIGRID_SCAIKEY_KEYS_RENEW_S", "Age at which an issuer's keys are renewed. While it does not answer, they are used for up to a day.")]
    [Range(typeof(TimeSpan), "00:00:01", "12:00:00")]
    public TimeSpan KeysRenewInterval { get; set; } = TimeSpan.FromHours(1);

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
