using System.Collections.Concurrent;

namespace ScaiGrid.Inference.Admission;

/// <summary>Sends what calls came to, without anybody waiting for it, and keeps what could not be sent because Redis was away.</summary>
internal sealed class Settlements
{
    private readonly AdmissionStore _store;
    private readonly Action<Exception?> _answered;
    private int _sending;

    /// <param name="store">Where to.</param>
    /// <param name="answered">Told of each answer, and of each failure.</param>
    public Settlements(AdmissionStore store, Action<Exception?> answered)
    {
        (_store, _answered) = (store, answered);
        store.Settled = Ended;
    }

    /// <summary>How many are on their way.</summary>
    public int Sending => Volatile.Read(ref _sending);

    /// <summary>What could not be sent.</summary>
    public ConcurrentQueue<Unsettled> Waiting { get; } = new();

    /// <summary>All parts of a ticket.</summary>
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

    /// <summary>Gives back, when Redis answers again, what a question without an answer may have reserved. A window forgets by itself.</summary>
    public void ReleaseLater(AdmissionTicket ticket, AdmissionPart part)
    {
        if (!part.Budgets.IsEmpty)
        {
            Waiting.Enqueue(new Unsettled(ticket, part, default, SettleMode.ReleaseIfOpen));
        }
    }

    /// <summary>Sends what waited.</summary>
    public async Task SendAgainAsync(Unsettled unsettled)
    {
        Interlocked.Increment(ref _sending);
        try
        {
            await _store.SettleAsync(unsettled);
            Ended(unsettled, failure: null);
        }
        catch (Exception exception) when (AdmissionStore.IsFailure(exception))
        {
            Ended(unsettled, exception);
        }
    }

    private void Ended(Unsettled unsettled, Exception? failure)
    {
        Interlocked.Decrement(ref _sending);
        _answered(failure);

        // Whether it arrived is not known: the second attempt does nothing where the reservation is gone. A window forgets by itself.
        if (failure is not null && !unsettled.Part.Budgets.IsEmpty)
        {
            Waiting.Enqueue(unsettled with { Mode = unsettled.Mode is SettleMode.Count or SettleMode.CountIfOpen ? SettleMode.CountIfOpen : SettleMode.ReleaseIfOpen });
        }
    }
}
