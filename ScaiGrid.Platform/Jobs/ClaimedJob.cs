namespace ScaiGrid.Platform.Jobs;

/// <summary>A job whose lease this worker holds.</summary>
internal sealed class ClaimedJob : IDisposable
{
    private readonly CancellationTokenSource _lost = new();
    private Action<ClaimedJob, JobEnd>? _ended;

    public required string Id { get; init; }

    /// <summary>The lease of the claim.</summary>
    public required string Lease { get; init; }

    public required string Lane { get; init; }

    /// <summary>The number of attempts, including this one.</summary>
    public required int Attempts { get; init; }

    public required string Payload { get; init; }

    public string? TenantId { get; init; }

    public string? PartnerId { get; init; }

    /// <summary>Cancelled when the lease is lost or the worker must stop: end at once, in whatever state.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Cancelled when the worker drains: long work should reach a consistent point, and end as released.</summary>
    public CancellationToken Draining { get; private set; }

    public bool IsEnded => Volatile.Read(ref _ended) is null;

    /// <summary>Ends the job; only the first call counts.</summary>
    public void End(JobEnd end) => Interlocked.Exchange(ref _ended, null)?.Invoke(this, end);

    public void Begin(Action<ClaimedJob, JobEnd> ended, CancellationToken draining) => (_ended, Draining) = (ended, draining);

    public void Lose() => _lost.Cancel();

    public void Dispose() => _lost.Dispose();
}
