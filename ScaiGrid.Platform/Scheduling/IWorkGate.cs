namespace ScaiGrid.Platform.Scheduling;

/// <summary>Lets the host count scheduled work, and refuse it while draining. Without an implementation, work always runs.</summary>
public interface IWorkGate
{
    /// <summary>Cancelled when the host begins to drain: no further work is started.</summary>
    CancellationToken Draining { get; }

    /// <summary>Counts a piece of work as started; false if the host accepts no more.</summary>
    bool TryEnter();

    void Exit();
}
