using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Checks tokens that the issuer signed: RS256 or ES256 by one of its published keys, its own name, an audience of ours, and the times, with
/// a minute of grace. The library does the cryptography; what a token says of its own keys or of encryption is not looked at.
/// </summary>
internal sealed partial class IssuerTokens(IssuerDirectory issuers, ScaiKeyOptions options, TimeProvider time, ILogger<IssuerTokens> logger)
{
    private const int MaxTokenLength = 16 * 1024;

    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);
    private static readonly string[] Algorithms = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];
    private static readonly string[] NoAccessTokens = ["refresh", "refresh_token", "id", "id_token"];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxTokenLength };

    /// <summary>Whether text has the form of a signed token.</summary>
    public static bool IsJwt(ReadOnlySpan<char> token) => token.StartsWith("ey") && token.Count('.') == 2;

    /// <summary>An access token, of a caller.</summary>
    public async ValueTask<IssuerClaims> ReadAccessTokenAsync(string token, CancellationToken cancellationToken)
    {
        if (!options.AcceptsTokens || !TryRead(token, out var jwt) || issuers.Find(jwt.Issuer, out var tenantSlug) is not { } issuer)
        {
            return IssuerClaims.Refused;
        }

        try
        {
            if (!await IsValidAsync(jwt, issuer, await issuer.GetAsync(cancellationToken), options.Audiences, cancellationToken)
                || (Text(jwt, "token_type") is { } type && NoAccessTokens.Contains(type)))
            {
                return IssuerClaims.Refused;
            }
        }
        catch (IssuerAwayException exception)
        {
            TokenNotChecked(exception.Message);
            return new IssuerClaims(AuthErrors.IssuerAway);
        }

        return Text(jwt, options.SubjectClaim) is not { } subject ? IssuerClaims.Refused
            : options.RequiredScope is { } scope && !ScopesOf(jwt).Contains(scope) ? new IssuerClaims(new Problem(AuthErrors.InsufficientScope))
            : new IssuerClaims(Problem: null, subject, Text(jwt, options.TenantClaim), tenantSlug);
    }

    /// <summary>An ID token, fresh from the issuer's token endpoint.</summary>
    /// <returns>Null when it is not what sign-in asked for.</returns>
    /// <exception cref="IssuerAwayException">Its key is unknown and cannot be fetched.</exception>
    public async ValueTask<JsonWebToken?> ReadIdTokenAsync(string token, string nonce, Issuer issuer, IssuerState state, CancellationToken cancellationToken) =>
        TryRead(token, out var jwt)
        && await IsValidAsync(jwt, issuer, state, [options.ClientId!], cancellationToken)
        && Text(jwt, "nonce") == nonce
        && (Text(jwt, "azp") ?? options.ClientId) == options.ClientId
            ? jwt
            : null;

    /// <summary>A claim that is text; null when there is none, or another kind of value.</summary>
    public static string? Text(JsonWebToken jwt, string claim) =>
        jwt.TryGetPayloadValue<object>(claim, out var value) && value is string { Length: > 0 and <= 255 } text ? text : null;

    /// <summary>Whether a token that names a tenant, or none, can mean this one: by our id, the issuer's, or the slug.</summary>
    public static bool CanMean(string? named, string id, string slug, string? externalId) =>
        named is null || named == id || named == slug || named == externalId;

    private static bool TryRead(string token, [NotNullWhen(true)] out JsonWebToken? jwt)
    {
        jwt = null;
        if (token.Length > MaxTokenLength || !IsJwt(token))
        {
            return false;
        }

        try
        {
            jwt = new JsonWebToken(token);

            // An extension that we do not know, and that must be understood.
            return Algorithms.Contains(jwt.Alg) && !jwt.TryGetHeaderValue<object>("crit", out _) && !string.IsNullOrEmpty(jwt.Issuer);
        }
        catch (Exception exception) when (exception is ArgumentException or SecurityTokenException or FormatException or System.Text.Json.JsonException)
        {
            return false;
        }
    }

    private async ValueTask<bool> IsValidAsync(
        JsonWebToken jwt, Issuer issuer, IssuerState state, IEnumerable<string> audiences, CancellationToken cancellationToken)
    {
        var keys = state.KeysFor(jwt.Kid);
        if (keys.Count == 0)
        {
            // Ours at all, before anything is fetched for it.
            if (jwt.Issuer != state.Document.Issuer)
            {
                return false;
            }

            state = await issuer.SeekKeyAsync(state, cancellationToken);
            keys = state.KeysFor(jwt.Kid);
        }

        if (keys.Count == 0)
        {
            return false;
        }

        var result = await _handler.ValidateTokenAsync(jwt, new TokenValidationParameters
        {
            ValidIssuer = state.Document.Issuer,
            ValidAudiences = audiences,
            ValidAlgorithms = Algorithms,
            IssuerSigningKeys = keys,
            TryAllIssuerSigningKeys = true,
            RequireSignedTokens = true,
            ValidTypes = ["JWT", "at+jwt", "application/at+jwt"],
            TypeValidator = static (type, _, parameters) =>
                string.IsNullOrEmpty(type) || parameters.ValidTypes.Contains(type, StringComparer.OrdinalIgnoreCase) ? type : throw new SecurityTokenInvalidTypeException(),
            LifetimeValidator = (notBefore, expires, _, _) => IsInTime(notBefore, expires),
            ConfigurationManager = null,
        });
        return result.IsValid;
    }

    private bool IsInTime(DateTime? notBefore, DateTime? expires)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return expires is { } end && now < end + Skew && (notBefore is not { } start || start - Skew <= now);
    }

    private HashSet<string> ScopesOf(JsonWebToken jwt) =>
        [.. jwt.Claims.Where(claim => claim.Type == options.ScopeClaim).SelectMany(claim => claim.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    [LoggerMessage(Level = LogLevel.Warning, Message = "A token could not be checked: the issuer is away. {Reason}")]
    private partial void TokenNotChecked(string reason);
}

/// <summary>What an access token of the issuer says, once it is checked.</summary>
/// <param name="Problem">Why it is no way in; null when it is one.</param>
/// <param name="Subject">The user, as the issuer knows them.</param>
/// <param name="Tenant">The tenant that the token names.</param>
/// <param name="IssuerTenant">The slug of the tenant whose own issuer signed it.</param>
internal sealed record IssuerClaims(Problem? Problem, string Subject = "", string? Tenant = null, string? IssuerTenant = null)
{
    public static readonly IssuerClaims Refused = new(new Problem(CoreErrors.TokenInvalid));
}
