using System.Collections.Concurrent;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The lanes of this worker's receivers.</summary>
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
            // Who is in one of them leaves it as ever; the receivers begin anew.
            _lanes.Clear();
        }

        return _lanes.GetOrAdd(webhookId, static _ => new Lane());
    }
}

/// <summary>
/// How many deliveries to one receiver may be on their way at a time, and how many more may be ready to follow. It grows while the receiver
/// takes them quickly and shrinks when it fails or is slow, so that receivers that hang hold few of the places that all share.
/// </summary>
internal sealed class Lane
{
    private const int First = 8;
    private const int Least = 4;
    private const int Most = 64;
    private const int SlowMs = 2000;

    // What is claimed beforehand costs a receiver that is quick no waiting for the database.
    private const int Ahead = 4;

    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource<bool>> _waiting = [];
    private int _limit = First;
    private int _onTheirWay;

    /// <summary>The most deliveries to hold: on their way, and next.</summary>
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
    /// <returns>False when the receiver has become slow meanwhile: give the delivery back.</returns>
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

    /// <param name="attempt">What came of it; null when it was not sent.</param>
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
