using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Creates and validates the tokens of our sessions. Signed with a key derived from SCAIGRID_SECRET_KEY, so that each replica can validate them
/// by itself; tokens of its previous keys are valid too. Opaque to clients. The end of a session is not in the token; see <see cref="EndedSessions"/>.
/// </summary>
internal sealed class SessionTokens
{
    public const string AccessPrefix = "sgt_";
    public const string RefreshPrefix = "sgr_";

    private const string Name = "scaigrid";
    private const string SessionClaim = "sid";
    private const int MaxLength = 2048;

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, SetDefaultTimesOnTokenCreation = false, MaximumTokenSizeInBytes = MaxLength };
    private readonly SymmetricSecurityKey[] _keys;
    private readonly SigningCredentials _signing;
    private readonly TimeProvider _time;

    public SessionTokens(SecretOptions options, TimeProvider time)
    {
        _keys = [.. options.DeriveKeys("scaigrid session tokens").Select(key => new SymmetricSecurityKey(key))];
        _signing = new SigningCredentials(_keys[0], SecurityAlgorithms.HmacSha256);
        _time = time;
    }

    public string Access(string sessionId, string userId, DateTimeOffset expiresAt) => AccessPrefix + Sign(AccessPrefix, sessionId, userId, expiresAt);

    /// <summary>Creates a refresh token; a random part makes each one different.</summary>
    public string Refresh(string sessionId, string userId, DateTimeOffset expiresAt) => RefreshPrefix + Sign(RefreshPrefix, sessionId, userId, expiresAt);

    /// <returns>Null if the token is not one of ours, or is of the other kind.</returns>
    public async ValueTask<SessionClaims?> ReadAsync(string token, string prefix)
    {
        if (token.Length > MaxLength || !token.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        var result = await _handler.ValidateTokenAsync(token[prefix.Length..], new TokenValidationParameters
        {
            ValidIssuer = Name,
            ValidAudience = prefix,
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            IssuerSigningKeys = _keys,

            // Checked by the caller, who must distinguish an expired token from an invalid one.
            ValidateLifetime = false,
        });
        return result.IsValid && result.SecurityToken is JsonWebToken jwt && jwt.TryGetPayloadValue<string>(SessionClaim, out var session)
            ? new SessionClaims(session, jwt.Subject, jwt.ValidTo)
            : null;
    }

    private string Sign(string prefix, string sessionId, string userId, DateTimeOffset expiresAt) => _handler.CreateToken(new SecurityTokenDescriptor
    {
        Issuer = Name,
        Audience = prefix,
        IssuedAt = _time.GetUtcNow().UtcDateTime,
        Expires = expiresAt.UtcDateTime,
        SigningCredentials = _signing,
        Claims = new Dictionary<string, object>
        {
            [SessionClaim] = sessionId,
            [JwtRegisteredClaimNames.Sub] = userId,
            [JwtRegisteredClaimNames.Jti] = RandomNumberGenerator.GetHexString(32, lowercase: true),
        },
    });
}

/// <summary>The claims of a session's token.</summary>
internal sealed record SessionClaims(string SessionId, string UserId, DateTimeOffset ExpiresAt);
