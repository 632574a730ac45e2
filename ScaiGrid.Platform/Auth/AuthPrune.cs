using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Deletes old rows in small batches and for a limited time: ended sessions, received events of ScaiKey, and the times of group memberships
/// that ScaiKey reported.
/// </summary>
internal sealed class AuthPrune(IDbContextFactory<PlatformDb> databases, TimeProvider time) : IScheduledTask
{
    private const int BatchSize = 1000;

    public static readonly TimeSpan Interval = TimeSpan.FromHours(1);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan Keep = TimeSpan.FromDays(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var before = time.GetStoredNow() - Keep;
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        int deleted;
        do
        {
            var sessions = await db.Sessions.Where(session => session.ExpiresAt < before || session.EndedAt < before)
                .OrderBy(session => session.Id).Select(session => session.Id).Take(BatchSize).ToListAsync(cancellationToken);
            deleted = await db.Sessions.Where(session => sessions.Contains(session.Id)).ExecuteDeleteAsync(cancellationToken);
        }
        while (deleted == BatchSize);

        do
        {
            var events = await db.ScaiKeyEvents.Where(row => row.ReceivedAt < before)
                .OrderBy(row => row.ReceivedAt).Select(row => row.EventId).Take(BatchSize).ToListAsync(cancellationToken);
            deleted = await db.ScaiKeyEvents.Where(row => events.Contains(row.EventId)).ExecuteDeleteAsync(cancellationToken);
        }
        while (deleted == BatchSize);

        do
        {
            var memberships = await db.ScaiKeyResources.Where(row => row.Type == ScaiKeyDirectory.Membership && row.ToldAt < before)
                .OrderBy(row => row.ExternalId).Select(row => row.ExternalId).Take(BatchSize).ToListAsync(cancellationToken);
            deleted = await db.ScaiKeyResources
                .Where(row => row.Type == ScaiKeyDirectory.Membership && memberships.Contains(row.ExternalId) && row.ToldAt < before).ExecuteDeleteAsync(cancellationToken);
        }
        while (deleted == BatchSize);
    }
}
