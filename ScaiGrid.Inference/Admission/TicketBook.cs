using System.Collections.Concurrent;

namespace ScaiGrid.Inference.Admission;

/// <summary>A prefetched ticket.</summary>
/// <param name="Ticket">The reservation.</param>
/// <param name="Limits">The state of the rate limits that its call is shown.</param>
/// <param name="Until">The timestamp at which it expires; see <see cref="AheadAdmission"/>.</param>
internal readonly record struct ReadyTicket(AdmissionTicket Ticket, RateLimitState Limits, long Until);

/// <summary>One caller's prefetched tickets, and how many to ask for next. Most callers never have any.</summary>
internal sealed class TicketBook
{
    /// <summary>Tickets per question: enough for the calls that arrive until the next answer.</summary>
    private const int Most = 256;

    /// <summary>More tickets are asked for once at most 1/<c>LowPart</c> of the last number is left.</summary>
    private const int LowPart = 2;

    /// <summary>Below this number the last ticket must be used up before more are asked for: the caller was too slow for its tickets.</summary>
    private const int FewestToRefill = 8;

    private ConcurrentQueue<ReadyTicket>? _ready;
    private long _cameAt;
    private long _refusedAt;
    private int _left;
    private int _size = 1;
    private int _room = Most;
    private int _isAsking;
    private long _apartAt;
    private int _together = Most;

    public bool IsLow => _size >= FewestToRefill && Volatile.Read(ref _left) <= _size / LowPart;

    /// <summary>Takes the next ticket if it suits or has expired; one that does not suit stays for other calls. A race may return another ticket.</summary>
    public bool TryTake(TicketAmounts needs, long now, out ReadyTicket ready)
    {
        ready = default;
        return _ready?.TryPeek(out var first) is true && (first.Until <= now || first.Ticket.Most.Suit(needs)) && TryTake(out ready);
    }

    public bool TryTake(out ReadyTicket ready)
    {
        ready = default;
        if (_ready?.TryDequeue(out ready) is not true)
        {
            return false;
        }

        Interlocked.Decrement(ref _left);
        return true;
    }

    /// <summary>Whether its first ticket has expired.</summary>
    public bool IsPast(long now) => _ready?.TryPeek(out var first) is true && first.Until <= now;

    public void Add(ReadyTicket ready)
    {
        Interlocked.Increment(ref _left);
        (_ready ??= new()).Enqueue(ready);
    }

    /// <summary>Reports a call that found no ticket.</summary>
    /// <returns>Whether the caller is busy: its previous such call was shortly before.</returns>
    public bool Came(TimeProvider time)
    {
        var now = time.GetTimestamp();
        var before = Interlocked.Exchange(ref _cameAt, now);
        return before != 0 && time.GetElapsedTime(before, now) < AheadAdmission.Lifetime;
    }

    /// <summary>Starts asking for tickets: twice as many as last time, because all of those were used.</summary>
    /// <param name="needs">The amounts of the call that just ran.</param>
    /// <param name="time">The clock.</param>
    /// <returns>The number and amounts of the tickets; none if a question is already open, or if there is no room.</returns>
    public (int Count, TicketAmounts Amounts) Ask(TicketAmounts needs, TimeProvider time)
    {
        if (Interlocked.CompareExchange(ref _isAsking, 1, 0) != 0)
        {
            return default;
        }

        // Rounded up, so that somewhat larger calls can use the tickets as well.
        var amounts = needs.RoundedUp();
        if (_room < Most && time.GetElapsedTime(_refusedAt) > AheadAdmission.Pause)
        {
            _room = Most;
        }

        if (_room < 2 || amounts.Cost > AheadAdmission.MostCost)
        {
            Asked();
            return default;
        }

        (_size, _cameAt) = (Math.Min(_size * 2, _room), time.GetTimestamp());
        return (_size, amounts);
    }

    /// <summary>Ends asking.</summary>
    public void Asked() => Volatile.Write(ref _isAsking, 0);

    /// <summary>Reports that there was no room: for a while at most half as many are asked for.</summary>
    public void Refused(TimeProvider time)
    {
        (_room, _refusedAt) = (_size / 2, time.GetTimestamp());
        _size = Math.Max(_room / 2, 1);
    }

    /// <summary>How many waiting calls may be merged into one question: fewer for a while after a merged question was refused.</summary>
    public int MostTogether(TimeProvider time)
    {
        if (_together < Most && time.GetElapsedTime(_apartAt) > AheadAdmission.Pause)
        {
            _together = Most;
        }

        return _together;
    }

    /// <summary>Reports that a merged question was refused: its calls ask one by one.</summary>
    public void Apart(int count, TimeProvider time) => (_together, _apartAt) = (count / 2, time.GetTimestamp());

    /// <summary>Reports unused tickets: the next question asks for as many as were used.</summary>
    public void Returned(int count) => _size = Math.Max((_size - count) / 2, 1);
}
