using System.Collections.Concurrent;
using ScaiGrid.Core;
using ScaiGrid.Core.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Prefetches tickets for the next calls of a busy caller, many in one question, so that these calls need not wait for Redis. Each ticket is
/// counted in every window and reserved in every budget like that of any other call; see docs/decisions/0051.
/// </summary>
/// <remarks>
/// A ticket is valid until the end of the second of Redis's clock in which it was counted, so that a window counts no call in an earlier second,
/// and for <see cref="Lifetime"/> at most. An unused ticket is returned, together with its place in the windows.
/// </remarks>
internal sealed class AheadAdmission
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMilliseconds(100);

    /// <summary>After a refusal, the time until larger numbers are tried again.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>The highest cost of one ticket, in nano-units: the script sums the costs of all tickets of a question in numbers of 53 bits.</summary>
    public const long MostCost = 30_000_000_000_000;

    private static readonly TimeSpan TimerStep = TimeSpan.FromMilliseconds(1);

    private readonly AdmissionStore _store;
    private readonly Settlements _settlements;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<(AdmissionPart Part, long Until)> _grants = new();
    private readonly ITimer _timer;
    private int _asking;
    private int _isTimed;

    public AheadAdmission(AdmissionStore store, Settlements settlements, TimeProvider time)
    {
        (_store, _settlements, _time) = (store, settlements, time);
        _timer = time.CreateTimer(static admission => ((AheadAdmission)admission!).ReturnPast(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether prefetched tickets exist or have been asked for.</summary>
    public bool HasTickets => !_grants.IsEmpty || Volatile.Read(ref _asking) > 0;

    /// <returns>False if there is no suitable ticket: the call must ask Redis.</returns>
    public bool TryTake(AdmissionPlan plan, AdmissionPart part, TicketAmounts needs, out ReadyTicket ready)
    {
        ready = default;
        var book = part.Ahead;
        var (now, isTaken, unused) = (_time.GetTimestamp(), false, 0);
        while (!isTaken && book.TryTake(needs, now, out ready))
        {
            isTaken = ready.Until > now && ready.Ticket.Most.Suit(needs);
            if (!isTaken)
            {
                Return(part, ready);
                unused++;
            }
        }

        if (unused > 0)
        {
            book.Returned(unused);
        }

        if (isTaken && book.IsLow)
        {
            _ = AskAsync(plan, part, needs);
        }

        return isTaken;
    }

    /// <summary>Reports that a call was admitted by asking Redis; prefetches if the caller is busy.</summary>
    public void Came(AdmissionPlan plan, AdmissionPart part, TicketAmounts needs)
    {
        if (part.Ahead.Came(_time))
        {
            _ = AskAsync(plan, part, needs);
        }
    }

    private async Task AskAsync(AdmissionPlan plan, AdmissionPart part, TicketAmounts needs)
    {
        var book = part.Ahead;
        var (count, amounts) = book.Ask(needs, _time);
        if (count == 0)
        {
            return;
        }

        var tickets = new AdmissionTicket[count];
        for (var i = 0; i < count; i++)
        {
            tickets[i] = new AdmissionTicket { Id = plan.HasBudgets ? Ids.New(Ids.Usage, _time) : "", Most = amounts, IsBinding = plan.Blocks };
        }

        Interlocked.Increment(ref _asking);

        // Taken before the question is sent, so that the computed end of the second is never later than the real one.
        var asked = _time.GetTimestamp();
        try
        {
            var answer = await _store.AdmitAheadAsync(part, tickets, _time.GetUtcNow());
            if (answer.IsAdmitted)
            {
                Add(part, tickets, answer, asked);
            }
            else
            {
                book.Refused(_time);
            }
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // The tickets may have been reserved anyway. The next call that asks meets the failure itself.
            book.Refused(_time);
            foreach (var ticket in tickets)
            {
                _settlements.ReleaseLater(ticket, part);
            }
        }
        finally
        {
            book.Asked();
            Interlocked.Decrement(ref _asking);
        }
    }

    private void Add(AdmissionPart part, AdmissionTicket[] tickets, AdmissionAnswer answer, long asked)
    {
        var lifetime = TimeSpan.FromMilliseconds(Math.Min(answer.MsOfSecond, Lifetime.TotalMilliseconds));
        var until = asked + (long)(lifetime.TotalSeconds * _time.TimestampFrequency);
        for (var i = 0; i < tickets.Length; i++)
        {
            var ticket = tickets[i];
            var limits = answer.Before(tickets.Length - 1 - i, ticket.Most.EstimatedTokens).Limits;
            ticket.Second = limits.Now;
            ticket.Parts = part.LeavesTraces ? [part] : [];
            part.Ahead.Add(new ReadyTicket(ticket, limits, until));
        }

        _grants.Enqueue((part, until));
        SetTimer();
    }

    private void SetTimer()
    {
        if (_grants.TryPeek(out var first) && Interlocked.Exchange(ref _isTimed, 1) == 0)
        {
            var left = _time.GetElapsedTime(_time.GetTimestamp(), first.Until);
            _timer.Change(left > TimerStep ? left + TimerStep : TimerStep, Timeout.InfiniteTimeSpan);
        }
    }

    private void ReturnPast()
    {
        var now = _time.GetTimestamp();
        while (_grants.TryPeek(out var grant) && grant.Until <= now)
        {
            var book = grant.Part.Ahead;
            var returned = 0;
            while (book.IsPast(now) && book.TryTake(out var ready))
            {
                // A call took the expired ticket in between, and this is the one after it.
                if (ready.Until > now)
                {
                    book.Add(ready);
                    break;
                }

                Return(grant.Part, ready);
                returned++;
            }

            if (returned > 0)
            {
                book.Returned(returned);
            }

            _grants.TryDequeue(out _);
        }

        // Last, so that only one run of this method is active at a time.
        Interlocked.Exchange(ref _isTimed, 0);
        SetTimer();
    }

    private void Return(AdmissionPart part, ReadyTicket ready) =>
        _settlements.Send(new Unsettled(ready.Ticket, part, default, SettleMode.Return));
}
