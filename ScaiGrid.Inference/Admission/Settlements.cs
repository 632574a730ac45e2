using System.Collections.Concurrent;
using ScaiGrid.Core.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>Sends settlements in the background, and keeps those that failed while Redis was unavailable.</summary>
internal sealed class Settlements
{
    private readonly AdmissionStore _store;
    private readonly Action<Exception?> _answered;
    private int _sending;

    /// <param name="store">Sends the settlements.</param>
    /// <param name="answered">Called after each answer (with null) and each failure.</param>
    public Settlements(AdmissionStore store, Action<Exception?> answered)
    {
        (_store, _answered) = (store, answered);
        store.Settled = Ended;
    }

    /// <summary>The number of settlements without an answer yet.</summary>
    public int Sending => Volatile.Read(ref _sending);

    /// <summary>Settlements whose sending failed; <see cref="ReservationKeeper"/> repeats them.</summary>
    public ConcurrentQueue<Unsettled> Waiting { get; } = new();

    /// <summary>Sends a settlement of each part of a ticket.</summary>
    public void Send(AdmissionTicket ticket, Settlement settlement, SettleMode mode)
    {
        foreach (var part in ticket.Parts)
        {
            Send(new Unsettled(ticket, part, settlement, mode));
        }
    }

    public void Send(Unsettled unsettled)
    {
        Interlocked.Increment(ref _sending);
        _store.Settle(unsettled);
    }

    /// <summary>Queues the release of what a question without an answer may have reserved. Only for budgets: windows expire by themselves.</summary>
    public void ReleaseLater(AdmissionTicket ticket, AdmissionPart part)
    {
        if (!part.Budgets.IsEmpty)
        {
            Waiting.Enqueue(new Unsettled(ticket, part, default, SettleMode.ReleaseIfOpen));
        }
    }

    /// <summary>Sends a waiting settlement again.</summary>
    public async Task SendAgainAsync(Unsettled unsettled)
    {
        Interlocked.Increment(ref _sending);
        try
        {
            await _store.SettleAsync(unsettled);
            Ended(unsettled, failure: null);
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            Ended(unsettled, exception);
        }
    }

    private void Ended(Unsettled unsettled, Exception? failure)
    {
        Interlocked.Decrement(ref _sending);
        _answered(failure);

        // Whether it arrived is not known: a repeated settlement does nothing if the reservation is no longer open. Windows expire by themselves.
        if (failure is not null && !unsettled.Part.Budgets.IsEmpty)
        {
            Waiting.Enqueue(unsettled with { Mode = unsettled.Mode is SettleMode.Count or SettleMode.CountIfOpen ? SettleMode.CountIfOpen : SettleMode.ReleaseIfOpen });
        }
    }
}
