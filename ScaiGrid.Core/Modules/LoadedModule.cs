namespace ScaiGrid.Core.Modules;

/// <summary>A module in a running process. One that fails to initialise stays, with the reason, and the rest of the platform starts.</summary>
public sealed class LoadedModule(IModule module)
{
    public IModule Module { get; } = module;

    /// <summary>Why it is not in use; null while it is.</summary>
    public Exception? Failure { get; set; }

    /// <summary><c>active</c> or <c>error</c>.</summary>
    public string Status => Failure is null ? "active" : "error";
}
