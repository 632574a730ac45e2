using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Every few seconds refreshes this process's heartbeat in Redis, sends settlements that failed while Redis was unavailable, and releases
/// reservations of calls that no longer run: those of dead processes, and those of this process that a restored Redis has again.
/// </summary>
/// <remarks>
/// A process is considered dead when this one has found its heartbeat key missing in every round for <see cref="MissingFor"/>. A failed round
/// starts the count again, because an unavailable Redis proves nothing. Recovery happens 70 to 100 seconds after a process died.
/// A Redis that was restored, or a replica that took over too early, has reservations again that were already settled. Those with use are
/// counted by the comparison with the database within minutes; only what is left after <see cref="StrayFor"/> is released.
/// </remarks>
internal sealed partial class ReservationKeeper(
    CallAdmission admission, AdmissionStore store, AdmissionMetrics metrics, TimeProvider time, ILogger<ReservationKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MissingFor = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan StrayFor = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, long> _missing = [];
    private readonly Dictionary<string, long> _stray = [];
    private long? _beatAt;
    private bool _isFailing;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryAsync(SettleWaitingAsync);
        for (var i = 0; i < 100 && (admission.HasTickets || admission.Settlements.Sending > 0); i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, CancellationToken.None);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            if (!await TryAsync(RoundAsync))
            {
                _missing.Clear();
                _stray.Clear();
            }

            // Checked every second, so that waiting settlements are sent soon after Redis is back.
            for (var waited = TimeSpan.Zero; waited < Interval && !stoppingToken.IsCancellationRequested; waited += TimeSpan.FromSeconds(1))
            {
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!admission.Settlements.Waiting.IsEmpty)
                {
                    await TryAsync(SettleWaitingAsync);
                }
            }
        }
    }

    private async Task RoundAsync()
    {
        var database = store.Database;
        await BeatAsync(database);
        foreach (var owner in admission.Owners.Keys)
        {
            await BeatAsync(database);
            await database.SetAddAsync(AdmissionKeys.Owners, owner);
        }

        await SettleWaitingAsync();
        var dead = new Dictionary<string, bool>();
        var stray = new HashSet<string>();
        foreach (var owner in await database.SetMembersAsync(AdmissionKeys.Owners))
        {
            await BeatAsync(database);
            await LookAsync(owner!, dead, stray);
        }

        foreach (var known in _missing.Keys.Where(process => !dead.ContainsKey(process)).ToArray())
        {
            _missing.Remove(known);
        }

        foreach (var known in _stray.Keys.Where(ticket => !stray.Contains(ticket)).ToArray())
        {
            _stray.Remove(known);
        }
    }

    // Also within a round: among tens of thousands of owners it takes longer than the heartbeat lives.
    private async Task BeatAsync(IDatabase database)
    {
        if (_beatAt is null || time.GetElapsedTime(_beatAt.Value) > Interval / 2)
        {
            await database.StringSetAsync(AdmissionKeys.Replica(store.Process), "1", Lifetime);
            _beatAt = time.GetTimestamp();
        }
    }

    private async Task LookAsync(string owner, Dictionary<string, bool> dead, HashSet<string> stray)
    {
        var database = store.Database;
        var open = await OpenReservation.ReadAsync(database, owner);
        if (open.Count == 0)
        {
            // Processes that hold reservations there add the owner again in their next round.
            await database.SetRemoveAsync(AdmissionKeys.Owners, owner);
            return;
        }

        var recovered = 0;
        foreach (var reservation in open)
        {
            bool isOver;
            if (reservation.Process == store.Process)
            {
                isOver = IsStray(reservation.Ticket, stray);
            }
            else if (!dead.TryGetValue(reservation.Process, out isOver))
            {
                dead[reservation.Process] = isOver = await IsDeadAsync(reservation.Process);
            }

            if (isOver && await reservation.ReleaseAsync(database, owner))
            {
                recovered++;
            }
        }

        if (recovered > 0)
        {
            metrics.Recovered(recovered);
            ReservationsRecovered(recovered, owner);
        }
    }

    private bool IsStray(string ticket, HashSet<string> stray)
    {
        // A settlement that still waits would not count after a release.
        if (admission.IsRunning(ticket) || !admission.Settlements.Waiting.IsEmpty)
        {
            return false;
        }

        stray.Add(ticket);
        var now = time.GetTimestamp();
        _stray.TryAdd(ticket, now);
        return time.GetElapsedTime(_stray[ticket], now) >= StrayFor;
    }

    private async Task<bool> IsDeadAsync(string process)
    {
        if (await store.Database.KeyExistsAsync(AdmissionKeys.Replica(process)))
        {
            _missing.Remove(process);
            return false;
        }

        var now = time.GetTimestamp();
        _missing.TryAdd(process, now);
        return time.GetElapsedTime(_missing[process], now) >= MissingFor;
    }

    private async Task SettleWaitingAsync()
    {
        var settlements = admission.Settlements;
        for (var i = settlements.Waiting.Count; i > 0 && settlements.Waiting.TryDequeue(out var unsettled); i--)
        {
            await settlements.SendAgainAsync(unsettled);
            if (store.IsAway)
            {
                return;
            }
        }
    }

    private async Task<bool> TryAsync(Func<Task> work)
    {
        try
        {
            await work();
            _isFailing = false;
            return true;
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            if (!_isFailing)
            {
                _isFailing = true;
                RoundFailed(exception.Message);
            }

            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Released {Count} reservations of calls that no longer run in {Owner}.")]
    private partial void ReservationsRecovered(int count, string owner);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Reservations of calls that no longer run cannot be released at the moment: {Reason}")]
    private partial void RoundFailed(string reason);
}
