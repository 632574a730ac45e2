namespace ScaiGrid.Inference.Admission;

/// <summary>The reservation of an admitted call, which is held until the call is settled.</summary>
public sealed class AdmissionTicket
{
    /// <summary>For calls that are counted but never settled.</summary>
    internal static readonly AdmissionTicket Empty = new() { Id = "", Most = default, IsBinding = false };

    private int _isClosed;

    /// <summary>The id of the usage record that the call will have.</summary>
    public required string Id { get; init; }

    /// <summary>The reserved amounts: those the call needs, or somewhat more if it was admitted together with others.</summary>
    public required TicketAmounts Most { get; set; }

    /// <summary>Whether a blocking budget relies on <see cref="Most"/>, so that the upstream must be given an output limit.</summary>
    public required bool IsBinding { get; init; }

    /// <summary>For a call that may be repeated after a crash: the name of the set within which it counts once; otherwise null.</summary>
    public string? Once { get; init; }

    internal AdmissionPart[] Parts { get; set; } = [];

    /// <summary>The second of Redis's clock in which the call was counted.</summary>
    internal long Second { get; set; }

    internal bool TryClose() => Interlocked.Exchange(ref _isClosed, 1) == 0;
}
