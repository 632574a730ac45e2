using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Auth;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Resolves tokens of the issuer, or of our own sessions, to callers. The token identifies the user; whether the user still exists, and the user's
/// permissions, come from the snapshot.
/// </summary>
internal sealed class TokenCallers(
    SnapshotStore snapshots,
    IssuerTokens issuerTokens,
    SessionTokens sessionTokens,
    SessionCredentials credentials,
    EndedSessions ended,
    TimeProvider time)
{
    private static readonly Problem Invalid = new(CoreErrors.TokenInvalid);
    private static readonly Problem Expired = new(AuthErrors.SessionExpired);
    private static readonly Problem Ambiguous = new(CoreErrors.TokenInvalid, "The token's user is one of several tenants, and the token does not say of which.");
    private static readonly Problem Unknowable = new(CoreErrors.Unavailable, "Whether this token is valid cannot be told at the moment; try again.", RetryAfterSeconds: 2);

    public static bool IsToken(ReadOnlySpan<char> token) => token.StartsWith(SessionTokens.AccessPrefix) || IssuerTokens.IsJwt(token);

    public ValueTask<Resolution> ResolveAsync(string token, CancellationToken cancellationToken) =>
        token.StartsWith(SessionTokens.AccessPrefix, StringComparison.Ordinal) ? FindSessionAsync(token) : FindSubjectAsync(token, cancellationToken);

    private async ValueTask<Resolution> FindSessionAsync(string token)
    {
        if (await sessionTokens.ReadAsync(token, SessionTokens.AccessPrefix) is not { } claims)
        {
            return new Resolution(Invalid);
        }

        if (claims.ExpiresAt <= time.GetUtcNow() || ended.Contains(claims.SessionId))
        {
            return new Resolution(Expired);
        }

        if (!ended.IsKnown)
        {
            return new Resolution(Unknowable);
        }

        if (!snapshots.Current.Users.TryGetValue(claims.UserId, out var user))
        {
            return Absent();
        }

        // Checked once more: a session that ended before the call had its credential would not cancel the call.
        var caller = user.In(claims.SessionId, credentials.Use(claims.SessionId, user.Credential));
        return ended.Contains(claims.SessionId) ? new Resolution(Expired) : new Resolution(caller);
    }

    private async ValueTask<Resolution> FindSubjectAsync(string token, CancellationToken cancellationToken)
    {
        var claims = await issuerTokens.ReadAccessTokenAsync(token, cancellationToken);
        if (claims.Problem is { } problem)
        {
            return new Resolution(problem);
        }

        Caller? found = null;
        foreach (var user in snapshots.Current.Subjects.GetValueOrDefault(claims.Subject, []))
        {
            if (!IsMeant(user, claims))
            {
                continue;
            }

            if (found is not null)
            {
                return new Resolution(Ambiguous);
            }

            found = user.Caller;
        }

        return found is not null ? new Resolution(found) : Absent();
    }

    /// <summary>A stale snapshot does not prove that a token is invalid.</summary>
    private Resolution Absent() => new(snapshots.IsStale ? Unknowable : Invalid);

    private static bool IsMeant(KnownSubject user, IssuerClaims claims) =>
        (claims.IssuerTenant is null || claims.IssuerTenant == user.Caller.TenantId)
        && IssuerTokens.CanMean(claims.Tenant, user.Caller.TenantId, user.TenantSlug, user.TenantExternalId);
}
