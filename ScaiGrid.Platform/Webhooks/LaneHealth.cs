using System.Collections.Concurrent;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The lanes of all receivers, as seen by this worker.</summary>
internal sealed class LaneHealth
{
    private const int MostRemembered = 20_000;

    private readonly ConcurrentDictionary<string, Lane> _lanes = new();

    public Lane Of(string webhookId)
    {
        if (_lanes.TryGetValue(webhookId, out var lane))
        {
            return lane;
        }

        if (_lanes.Count > MostRemembered)
        {
            // Deliveries in a removed lane still leave it normally; receivers start again with a new one.
            _lanes.Clear();
        }

        return _lanes.GetOrAdd(webhookId, static _ => new Lane());
    }
}

/// <summary>
/// Limits how many deliveries to one receiver may be in flight, and how many more may be claimed. The limit grows while the receiver answers
/// quickly and shrinks when it fails or is slow, so that hanging receivers occupy few of the shared places.
/// </summary>
internal sealed class Lane
{
    private const int First = 8;
    private const int Least = 4;
    private const int Most = 64;
    private const int SlowMs = 2000;

    // Claimed in advance, so that a quick receiver does not wait for the database.
    private const int Ahead = 4;

    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource<bool>> _waiting = [];
    private int _limit = First;
    private int _onTheirWay;

    /// <summary>The most deliveries to hold: in flight and claimed.</summary>
    public int Room
    {
        get
        {
            lock (_lock)
            {
                return InHand();
            }
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <returns>False if the receiver has become slow in the meantime: give the delivery back.</returns>
    public async Task<bool> EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource<bool> place;
        lock (_lock)
        {
            if (_onTheirWay < _limit)
            {
                _onTheirWay++;
                return true;
            }

            place = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.AddLast(place);
        }

        await using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((TaskCompletionSource<bool>)state!).TrySetCanceled(token), place);
        return await place.Task;
    }

    /// <param name="attempt">The result; null if the delivery was not sent.</param>
    public void Leave(DeliveryAttempt? attempt)
    {
        lock (_lock)
        {
            _onTheirWay--;
            if (attempt is not null)
            {
                _limit = attempt is { Succeeded: true, DurationMs: < SlowMs } ? Math.Min(_limit + 1, Most) : Math.Max(_limit / 2, Least);
            }

            while (_onTheirWay + _waiting.Count > InHand() && _waiting.Last is { } last)
            {
                _waiting.RemoveLast();
                last.Value.TrySetResult(false);
            }

            while (_onTheirWay < _limit && _waiting.First is { } first)
            {
                _waiting.RemoveFirst();
                _onTheirWay += first.Value.TrySetResult(true) ? 1 : 0;
            }
        }
    }

    private int InHand() => _limit > First ? _limit * Ahead : _limit;
}
