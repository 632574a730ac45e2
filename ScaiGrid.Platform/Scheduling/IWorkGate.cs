namespace ScaiGrid.Platform.Scheduling;

/// <summary>Lets the host count scheduled work, and close it off while it drains. Without one, work always runs.</summary>
public interface IWorkGate
{
    /// <summary>Cancelled when the host begins to drain: no further work is started.</summary>
    CancellationToken Draining { get; }

    /// <summary>Counts a piece of work in; false when the host takes no more.</summary>
    bool TryEnter();

    void Exit();
}
