using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Validates tokens signed by the issuer: RS256 or ES256 by one of its published keys, its name, our audience, and the times with a minute of
/// tolerance. The library does the cryptography. Keys and encryption that a token itself specifies are ignored.
/// </summary>
internal sealed partial class IssuerTokens(IssuerDirectory issuers, ScaiKeyOptions options, TimeProvider time, ILogger<IssuerTokens> logger)
{
    private const int MaxTokenLength = 16 * 1024;

    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(60);
    private static readonly string[] Algorithms = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256];
    private static readonly string[] NoAccessTokens = ["refresh", "refresh_token", "id", "id_token"];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxTokenLength };

    /// <summary>Whether a text has the form of a signed JWT.</summary>
    public static bool IsJwt(ReadOnlySpan<char> token) => token.StartsWith("ey") && token.Count('.') == 2;

    /// <summary>Validates a caller's access token.</summary>
    public async ValueTask<IssuerClaims> ReadAccessTokenAsync(string token, CancellationToken cancellationToken)
    {
        if (!options.AcceptsTokens || !TryRead(token, out var jwt) || issuers.Find(jwt.Issuer, out var tenantId) is not { } issuer)
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
            : options.RequiredScope is { } scope && !ScopesOf(jwt).Contains(scope) ? new IssuerClaims(new Problem(AuthErrors.InsufficientScope, $"The token lacks the scope '{scope}', which this installation asks for."))
            : new IssuerClaims(Problem: null, subject, Text(jwt, options.TenantClaim), tenantId);
    }

    /// <summary>Validates an ID token that was just received from the issuer's token endpoint.</summary>
    /// <returns>Null if it is not valid for this sign-in.</returns>
    /// <exception cref="IssuerAwayException">Its key is unknown and cannot be fetched.</exception>
    public async ValueTask<JsonWebToken?> ReadIdTokenAsync(string token, string nonce, Issuer issuer, IssuerState state, CancellationToken cancellationToken) =>
        TryRead(token, out var jwt)
        && await IsValidAsync(jwt, issuer, state, [options.ClientId!], cancellationToken)
        && Text(jwt, "nonce") == nonce
        && (Text(jwt, "azp") ?? options.ClientId) == options.ClientId
            ? jwt
            : null;

    /// <summary>A text claim; null if it is missing or of another type.</summary>
    public static string? Text(JsonWebToken jwt, string claim) =>
        jwt.TryGetPayloadValue<object>(claim, out var value) && value is string { Length: > 0 and <= 255 } text ? text : null;

    /// <summary>Whether the tenant named by a token, if any, is this one: by our id, or the issuer's id or slug.</summary>
    public static bool CanMean(string? named, string id, string? slug, string? externalId) =>
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

            // "crit" lists extensions that must be understood; we support none.
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
            // Checked before anything is fetched because of the token.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "A token could not be verified: the issuer is unavailable. {Reason}")]
    private partial void TokenNotChecked(string reason);
}

/// <summary>The result of validating an access token.</summary>
/// <param name="Problem">Why the token is rejected; null if it is valid.</param>
/// <param name="Subject">The issuer's id of the user.</param>
/// <param name="Tenant">The tenant named by the token.</param>
/// <param name="IssuerTenant">The id of the tenant whose own issuer signed it; null for the platform issuer.</param>
internal sealed record IssuerClaims(Problem? Problem, string Subject = "", string? Tenant = null, string? IssuerTenant = null)
{
    public static readonly IssuerClaims Refused = new(new Problem(CoreErrors.TokenInvalid));
}
