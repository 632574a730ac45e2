namespace ScaiGrid.Inference.Admission;

/// <summary>Asks the script whether a call may run.</summary>
/// <param name="part">The limits and budgets to check.</param>
/// <param name="ticket">What the call would reserve.</param>
/// <param name="now">The time of the call, which determines the budget period.</param>
/// <param name="throttleMs">Milliseconds between calls under a budget that throttles.</param>
/// <param name="isShort">Whether the call does little work before it waits again, so that it may continue on the reading thread.</param>
internal sealed class AdmissionQuestion(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, int throttleMs, bool isShort)
    : TaskCompletionSource<AdmissionAnswer>, IThreadPoolWorkItem
{
    public AdmissionPart Part { get; } = part;

    /// <summary>The call's ticket; in a question for several calls, the one that states the amounts.</summary>
    public AdmissionTicket Ticket { get; } = ticket;

    /// <summary>Tickets with the same amounts for several calls, admitted all or none; empty for a single call.</summary>
    public AdmissionTicket[] Ahead { get; init; } = [];

    /// <summary>The questions that were merged into this one; empty for a single call and for prefetched tickets.</summary>
    public AdmissionQuestion[] Joined { get; init; } = [];

    /// <summary>Whether it may be merged with others of the same caller: not if it is one part of a call's question, or if a merge was refused.</summary>
    public bool MayJoin { get; set; }

    public DateTimeOffset Now { get; } = now;

    public int ThrottleMs { get; } = throttleMs;

    public bool IsShort { get; } = isShort;

    internal AdmissionAnswer Answer { get; set; }

    internal Exception? Failure { get; set; }

    /// <summary>Completes the question; the call continues on this thread.</summary>
    public void Execute()
    {
        if (Failure is null)
        {
            SetResult(Answer);
        }
        else
        {
            SetException(Failure);
        }
    }
}

/// <summary>The part of a call's ticket that lies in one slot and has to be settled.</summary>
internal sealed record Unsettled(AdmissionTicket Ticket, AdmissionPart Part, Settlement Settlement, SettleMode Mode);
