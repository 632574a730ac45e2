namespace ScaiGrid.Core.Modules;

/// <summary>A module in a running process. If it fails to initialise, it stays listed with the reason, and the rest of the platform starts.</summary>
public sealed class LoadedModule(IModule module)
{
    public IModule Module { get; } = module;

    /// <summary>Why initialisation failed; null if it did not.</summary>
    public Exception? Failure { get; set; }

    /// <summary><c>active</c> or <c>error</c>.</summary>
    public string Status => Failure is null ? "active" : "error";
}
