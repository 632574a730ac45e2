using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth;

/// <summary>Starts, continues and ends sessions.</summary>
internal sealed partial class Sessions(
    IDbContextFactory<PlatformDb> databases,
    SnapshotStore snapshots,
    SessionTokens tokens,
    EndedSessions ended,
    SignInOptions options,
    ControlPlaneLimiter control,
    TimeProvider time,
    ILogger<Sessions> logger)
{
    private const int MaxUserAgent = 300;

    private static readonly Problem NotOurs = new(CoreErrors.TokenInvalid, "The refresh token is none of ours.");
    private static readonly Problem Over = new(AuthErrors.SessionExpired, "The session has ended; sign in again.");

    public async Task<TokenView> BeginAsync(
        string tenantId, string userId, string? address, string? userAgent, AuditEntry? audit, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var id = Ids.New(Ids.Session, time);
        Note(audit, tenantId, userId, id);
        var expiresAt = now + options.SessionLifetime;
        var refresh = tokens.Refresh(id, userId, expiresAt);
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        db.Sessions.Add(new Session
        {
            Id = id,
            TenantId = tenantId,
            UserId = userId,
            RefreshHash = ApiKey.HashOf(refresh),
            CreatedAt = now,
            RefreshedAt = now,
            ExpiresAt = expiresAt,
            IpAddress = address,
            UserAgent = userAgent is { Length: > MaxUserAgent } ? userAgent[..MaxUserAgent] : userAgent,
        });
        await db.SaveChangesAsync(cancellationToken);
        return View(id, userId, refresh, expiresAt);
    }

    /// <summary>Exchanges a refresh token for a new pair, once. A used token means that it was copied, so the session is ended.</summary>
    public async Task<(TokenView? Tokens, Problem? Problem)> RefreshAsync(string refreshToken, AuditEntry? audit, CancellationToken cancellationToken)
    {
        if (await tokens.ReadAsync(refreshToken, SessionTokens.RefreshPrefix) is not { } claims)
        {
            return (null, NotOurs);
        }

        // Before anything is noted: a call beyond the limit leaves no audit row.
        if (await control.AdmitRefreshAsync(claims.SessionId) is { } limited)
        {
            return (null, limited);
        }

        // Suspended users and tenants are not in the snapshot. A stale snapshot proves nothing, and then the database is unavailable as well.
        var user = snapshots.Current.Users.GetValueOrDefault(claims.UserId);
        Note(audit, user?.TenantId, claims.UserId, claims.SessionId);
        if (user is null && !snapshots.IsStale)
        {
            return (null, Over);
        }

        var now = time.GetStoredNow();
        var presented = ApiKey.HashOf(refreshToken);
        var next = tokens.Refresh(claims.SessionId, claims.UserId, claims.ExpiresAt);
        var nextHash = ApiKey.HashOf(next);
        if (await ExchangeAsync(claims, presented, nextHash, now, cancellationToken))
        {
            return (View(claims.SessionId, claims.UserId, next, claims.ExpiresAt), null);
        }

        if (await EndCopiedAsync(claims.SessionId, presented, cancellationToken))
        {
            await ended.AnnounceAsync([claims.SessionId]);
            RefreshTokenReused(claims.SessionId, claims.UserId);
        }

        return (null, Over);
    }

    public async Task EndAsync(string sessionId, CancellationToken cancellationToken)
    {
        if (await databases.TransactAsync((db, token) => EndAsync(db, sessionId, SessionEnd.Logout, token), cancellationToken))
        {
            await ended.AnnounceAsync([sessionId]);
        }
    }

    /// <returns>False if the token is not the session's latest, or the session has ended.</returns>
    private async Task<bool> ExchangeAsync(SessionClaims claims, string presented, string nextHash, DateTimeOffset now, CancellationToken cancellationToken)
    {
        try
        {
            await databases.TransactAsync(UpdateAsync, cancellationToken);
        }
        catch (CommitUnknownException)
        {
            // If it was stored, the session has our next token, which nobody else can have.
            return await RepeatAsync();
        }
        catch (ApiException exception) when (exception.Problem == Over)
        {
            return false;
        }

        return true;

        async Task<bool> RepeatAsync()
        {
            try
            {
                await databases.TransactAsync(UpdateAsync, cancellationToken);
                return true;
            }
            catch (ApiException exception) when (exception.Problem == Over)
            {
                return false;
            }
        }

        async Task UpdateAsync(PlatformDb db, CancellationToken token)
        {
            var exchanged = await db.Sessions
                .Where(session => session.Id == claims.SessionId && (session.RefreshHash == presented || session.RefreshHash == nextHash)
                    && session.EndedAt == null && session.ExpiresAt > now)
                .ExecuteUpdateAsync(update => update.SetProperty(session => session.RefreshHash, nextHash).SetProperty(session => session.RefreshedAt, now), token);
            if (exchanged == 0)
            {
                // Thrown, so that nothing is committed: a refusal is no successful call in the audit log.
                throw new ApiException(Over);
            }
        }
    }

    /// <summary>Ends a session whose used refresh token was presented.</summary>
    /// <returns>Whether there was such a session to end.</returns>
    private async Task<bool> EndCopiedAsync(string sessionId, string presented, CancellationToken cancellationToken)
    {
        try
        {
            await databases.TransactAsync(
                async (db, token) =>
                {
                    if (!await db.Sessions.AnyAsync(session => session.Id == sessionId && session.RefreshHash != presented, token)
                        || !await EndAsync(db, sessionId, SessionEnd.RefreshReused, token))
                    {
                        throw new ApiException(Over);
                    }

                    // The end is stored although the call is refused.
                    AuditCall.Current?.StatusOfCommit = AuditStatus.Failure;
                },
                cancellationToken);
            return true;
        }
        catch (ApiException exception) when (exception.Problem == Over)
        {
            return false;
        }
    }

    private async Task<bool> EndAsync(PlatformDb db, string sessionId, string reason, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        return await db.Sessions.Where(session => session.Id == sessionId && session.EndedAt == null).ExecuteUpdateAsync(
            update => update.SetProperty(session => session.EndedAt, now).SetProperty(session => session.EndReason, reason), cancellationToken) > 0;
    }

    /// <summary>Fills in the audit entry: the call is anonymous, and only its token identifies the user.</summary>
    private static void Note(AuditEntry? audit, string? tenantId, string userId, string sessionId)
    {
        if (audit is not null)
        {
            (audit.TenantId, audit.ActorId, audit.ResourceId) = (tenantId, userId, sessionId);
        }
    }

    private TokenView View(string sessionId, string userId, string refresh, DateTimeOffset sessionEnds)
    {
        var now = time.GetUtcNow();
        var lifetime = sessionEnds - now < options.AccessTokenLifetime ? sessionEnds - now : options.AccessTokenLifetime;
        return new TokenView(tokens.Access(sessionId, userId, now + lifetime), refresh, "Bearer", (int)lifetime.TotalSeconds);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A used refresh token of session {SessionId} of user {UserId} was presented: the session is ended.")]
    private partial void RefreshTokenReused(string sessionId, string userId);
}

/// <param name="AccessToken">For <c>Authorization: Bearer</c>.</param>
/// <param name="RefreshToken">Valid once, for the next pair.</param>
/// <param name="TokenType">Bearer.</param>
/// <param name="ExpiresIn">Seconds until the access token expires.</param>
internal sealed record TokenView(string AccessToken, string RefreshToken, string TokenType, int ExpiresIn);
