using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The steps of a sign-in. The application starts a flow with its own PKCE challenge. The browser goes to the issuer with our challenge, returns
/// with the issuer's code, and is sent to the application with a code of ours, which only the holder of the application's verifier can use.
/// </summary>
internal sealed partial class SignIn(
    IDbContextFactory<PlatformDb> databases,
    IssuerDirectory issuers,
    IssuerExchange exchange,
    OneTimeStore store,
    ScaiKeyOptions options,
    TimeProvider time,
    ILogger<SignIn> logger)
{
    private const string FlowKind = "flow";
    private const string CodeKind = "code";
    private const string CodePrefix = "sgc_";

    private static readonly string[] BeyondTheTenant = [Roles.SuperAdmin, Roles.PartnerAdmin, Roles.PartnerViewer];

    private static readonly TimeSpan FlowLifetime = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan CodeLifetime = TimeSpan.FromMinutes(1);

    /// <summary>Step 1: creates the flow, and returns the issuer's URL for the browser.</summary>
    public async Task<(string Url, string FlowId)> StartAsync(string tenantId, SignInRequest request, CancellationToken cancellationToken)
    {
        var (_, state) = await issuers.ForTenantAsync(tenantId, cancellationToken);
        if (string.IsNullOrEmpty(state.Document.AuthorizationEndpoint) || string.IsNullOrEmpty(state.Document.TokenEndpoint))
        {
            throw new IssuerAwayException("It offers no sign-in.");
        }

        var secret = Random();
        var flow = new SignInFlow(tenantId, state.Document.Issuer, request.CodeChallenge, request.RedirectUri, request.State, Random(), Random());
        await store.PutAsync(FlowKind, secret, flow, FlowLifetime);
        var url = QueryHelpers.AddQueryString(state.Document.AuthorizationEndpoint, new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = options.ClientId,
            ["redirect_uri"] = exchange.CallbackUrl,
            ["scope"] = options.Scopes,
            ["state"] = secret,
            ["nonce"] = flow.Nonce,
            ["code_challenge"] = Challenge(flow.Verifier),
            ["code_challenge_method"] = "S256",
            ["login_hint"] = request.Email,
        });
        return (url, $"flow_{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(secret)))[..26]}");
    }

    /// <summary>Takes the flow that a browser returned with; null if there is none.</summary>
    public Task<SignInFlow?> TakeFlowAsync(string state) => store.TakeAsync<SignInFlow>(FlowKind, state);

    /// <summary>Step 2: identifies the user, and creates the code for the application.</summary>
    /// <returns>Null if the issuer's user is not an active user of the flow's tenant.</returns>
    public async Task<string?> ContinueAsync(SignInFlow flow, string issuerCode, string? issuerName, CancellationToken cancellationToken)
    {
        var (issuer, state) = await issuers.ForTenantAsync(flow.TenantId, cancellationToken);

        // RFC 9207: rejects a response of another issuer than the one the flow was started with.
        if (state.Document.Issuer != flow.Issuer || (issuerName ?? flow.Issuer) != flow.Issuer
            || await exchange.ExchangeAsync(issuerCode, flow, issuer, state, cancellationToken) is not { } who)
        {
            return null;
        }

        if (await FindAsync(flow.TenantId, who, cancellationToken) is not { } userId)
        {
            SignedInStranger(flow.TenantId);
            return null;
        }

        var code = CodePrefix + Random();
        await store.PutAsync(CodeKind, code, new SignInCode(flow.TenantId, userId, flow.CodeChallenge, flow.RedirectUri), CodeLifetime);
        return code;
    }

    /// <summary>Step 3: takes the code, and verifies that it comes from the application that started the flow.</summary>
    public async Task<SignInCode?> RedeemAsync(string code, string verifier, string redirectUri)
    {
        var taken = await store.TakeAsync<SignInCode>(CodeKind, code);
        return taken is not null
            && taken.RedirectUri == redirectUri
            && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Challenge(verifier)), Encoding.ASCII.GetBytes(taken.CodeChallenge))
                ? taken
                : null;
    }

    /// <summary>Finds the tenant's active user. A user created here is linked to the issuer's at the first sign-in, by a verified e-mail address.</summary>
    private async Task<string?> FindAsync(string tenantId, IssuerUser who, CancellationToken cancellationToken)
    {
        if (who.Subject.Length > ExternalIds.MaxLength || !Ascii.IsValid(who.Subject))
        {
            return null;
        }

        return await databases.TransactAsync(
            async (db, token) =>
            {
                var tenant = await db.TenantOfAsync(tenantId, token);
                var isTaken = await db.Tenants.AnyAsync(other => other.ExternalSlug == tenant.Slug, token);
                if (!IssuerTokens.CanMean(who.Tenant, tenant.Id, tenant.IssuerSlug(isTaken), tenant.ExternalId))
                {
                    return null;
                }

                var users = db.Users.Where(user => user.TenantId == tenantId);
                if (await users.SingleOrDefaultAsync(user => user.ExternalId == who.Subject, token) is { } known)
                {
                    return known.Status == UserStatus.Active ? known.Id : null;
                }

                if (who.Email is null || !(who.IsVerified || options.TrustEmail))
                {
                    return null;
                }

                var email = Emails.Normalize(who.Email);

                // Users with roles beyond the tenant are linked by an administrator only (PUT /v1/users/{id}): an e-mail address must not give super admin
                // rights.
                var found = await users.SingleOrDefaultAsync(
                    user => user.Email == email && user.Status == UserStatus.Active && user.ExternalId == null
                        && !db.UserRoles.Any(role => role.UserId == user.Id && BeyondTheTenant.Contains(role.Role)),
                    token);
                if (found is not null)
                {
                    found.ExternalId = who.Subject;
                    found.UpdatedAt = time.GetStoredNow();
                }

                return found?.Id;
            },
            cancellationToken);
    }

    private static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>RFC 7636, S256.</summary>
    private static string Challenge(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    [LoggerMessage(Level = LogLevel.Information, Message = "A user who signed in at the issuer is not an active user of tenant {Tenant}.")]
    private partial void SignedInStranger(string tenant);
}

/// <summary>An application's parameters of a sign-in.</summary>
internal sealed record SignInRequest(string Email, string CodeChallenge, string RedirectUri, string State);

/// <summary>A sign-in in progress.</summary>
/// <param name="TenantId">The tenant to sign in to.</param>
/// <param name="Issuer">The issuer to sign in at.</param>
/// <param name="CodeChallenge">The application's challenge.</param>
/// <param name="RedirectUri">The application's redirect URI.</param>
/// <param name="State">The application's state, which is returned to it.</param>
/// <param name="Verifier">Our own verifier, for the issuer.</param>
/// <param name="Nonce">The nonce that the ID token must contain.</param>
internal sealed record SignInFlow(
    string TenantId, string Issuer, string CodeChallenge, string RedirectUri, string State, string Verifier, string Nonce);

/// <summary>A completed sign-in whose code only the application can redeem.</summary>
internal sealed record SignInCode(string TenantId, string UserId, string CodeChallenge, string RedirectUri);
