using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Allows one migrator at a time, by a <see cref="Lease"/> that is renewed while the migrator runs.</summary>
internal sealed class MigrationLock : IAsyncDisposable
{
    private const string Table = "migration_lock";

    // If the holder is killed, another migrator takes over within this time plus one pause.
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lease _lease;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _renewal;

    private MigrationLock(Lease lease, TimeProvider time)
    {
        _lease = lease;
        _renewal = RenewAsync(time);
    }

    /// <summary>Waits until the lock is free, or its holder's lease has expired.</summary>
    public static async Task<MigrationLock> TakeAsync(DatabaseAddress address, TimeProvider time, TextWriter output, CancellationToken cancellationToken)
    {
        // Needed before the first migration, so no migration can create it.
        await address.ExecuteAsync(
            $"CREATE TABLE IF NOT EXISTS {Table} (name VARCHAR(40) NOT NULL PRIMARY KEY, owner VARCHAR(100) NOT NULL, expires_at BIGINT NOT NULL)",
            cancellationToken);
        var lease = new Lease(address, Table, "migrate", Lifetime, time);
        for (var attempt = 1; !await lease.TryTakeAsync(cancellationToken); attempt++)
        {
            if (attempt == 1)
            {
                await output.WriteLineAsync("Another migrator is at work; waiting for it.");
            }

            await Task.Delay(Pause, time, cancellationToken);
        }

        return new MigrationLock(lease, time);
    }

    /// <summary>Called before each step, so that a holder that lost its connection does not continue in parallel with its successor.</summary>
    public void ThrowIfLost()
    {
        if (!_lease.IsHeld)
        {
            throw new InvalidOperationException("The migration lock could not be renewed in time; another migrator may be at work. Run migrate again.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _renewal;
        _stop.Dispose();
        await _lease.ReleaseAsync();
    }

    private async Task RenewAsync(TimeProvider time)
    {
        using var timer = new PeriodicTimer(RenewEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await _lease.TryTakeAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The migrations are done.
        }
    }
}
