using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Writes the time of last use of API keys, periodically for all keys used on this replica. A call itself only marks its key. The time is that of
/// the write, so it may be late by up to an interval, but never early.
/// </summary>
internal sealed partial class ApiKeyUse(
    CredentialPool credentials, IDbContextFactory<PlatformDb> databases, TimeProvider time, ILogger<ApiKeyUse> logger) : BackgroundService
{
    private const int KeysAStatement = 500;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await TryWriteAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The host is stopping; the uses of the last seconds are not written.
        }
    }

    private async Task TryWriteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var now = time.GetStoredNow();
            foreach (var ids in credentials.TakeUsed().Chunk(KeysAStatement))
            {
                await databases.TransactAsync(
                    (db, token) => db.ApiKeys
                        .Where(key => ids.Contains(key.Id) && (key.LastUsedAt == null || key.LastUsedAt < now))
                        .ExecuteUpdateAsync(key => key.SetProperty(row => row.LastUsedAt, now), token),
                    stoppingToken);
            }
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping. A cancelled statement may throw any exception.
        }
        catch (Exception exception)
        {
            // Nothing depends on it: the next use is written again.
            UseNotWritten(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The last use of API keys could not be stored: {Reason}")]
    private partial void UseNotWritten(string reason);
}
