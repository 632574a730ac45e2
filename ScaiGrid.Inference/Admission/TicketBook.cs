using System.Collections.Concurrent;

namespace ScaiGrid.Inference.Admission;

/// <summary>A call that was admitted before it came.</summary>
/// <param name="Ticket">What it holds, as if it had asked.</param>
/// <param name="Limits">What it is told of its limits.</param>
/// <param name="Until">Timestamp from which it must not run: see <see cref="AheadAdmission"/>.</param>
internal readonly record struct ReadyTicket(AdmissionTicket Ticket, RateLimitState Limits, long Until);

/// <summary>The tickets that are ready for one caller's calls, and how many to ask for. Most callers never have one.</summary>
internal sealed class TicketBook
{
    /// <summary>Of one question: enough for what comes while the next one is on its way.</summary>
    private const int Most = 256;

    /// <summary>Fewer left than this part of what was asked for last, and more are asked for.</summary>
    private const int LowPart = 2;

    /// <summary>A caller who was too slow for its tickets waits for the last one before it asks for more.</summary>
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

    /// <summary>Takes the next ticket, which may be another by then: one that does not suit stays for calls that it does, until it is past.</summary>
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

    /// <summary>Whether one of its tickets may not wait any longer.</summary>
    public bool IsPast(long now) => _ready?.TryPeek(out var first) is true && first.Until <= now;

    public void Add(ReadyTicket ready)
    {
        Interlocked.Increment(ref _left);
        (_ready ??= new()).Enqueue(ready);
    }

    /// <summary>A call came that found no ticket.</summary>
    /// <returns>Whether the caller is busy: it has come shortly before.</returns>
    public bool Came(TimeProvider time)
    {
        var now = time.GetTimestamp();
        var before = Interlocked.Exchange(ref _cameAt, now);
        return before != 0 && time.GetElapsedTime(before, now) < AheadAdmission.Lifetime;
    }

    /// <summary>Begins to ask for tickets: twice as many as last time, since all of those were used.</summary>
    /// <param name="needs">Of the call that came.</param>
    /// <param name="time">The clock.</param>
    /// <returns>How many, and of what; none while another asks, or where there is room for none.</returns>
    public (int Count, TicketAmounts Amounts) Ask(TicketAmounts needs, TimeProvider time)
    {
        if (Interlocked.CompareExchange(ref _isAsking, 1, 0) != 0)
        {
            return default;
        }

        // Calls that are somewhat larger than this one find tickets for them too.
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

    /// <summary>The question is answered.</summary>
    public void Asked() => Volatile.Write(ref _isAsking, 0);

    /// <summary>There is no room for so many: for a while no more than half as many are asked for.</summary>
    public void Refused(TimeProvider time)
    {
        (_room, _refusedAt) = (_size / 2, time.GetTimestamp());
        _size = Math.Max(_room / 2, 1);
    }

    /// <summary>How many calls that wait may ask as one: fewer for a while after there was no room for that.</summary>
    public int MostTogether(TimeProvider time)
    {
        if (_together < Most && time.GetElapsedTime(_apartAt) > AheadAdmission.Pause)
        {
            _together = Most;
        }

        return _together;
    }

    /// <summary>There was no room for so many at once: each asks again.</summary>
    public void Apart(int count, TimeProvider time) => (_together, _apartAt) = (count / 2, time.GetTimestamp());

    /// <summary>Tickets that no call came for: the next question asks for as many as were used.</summary>
    public void Returned(int count) => _size = Math.Max((_size - count) / 2, 1);
}
