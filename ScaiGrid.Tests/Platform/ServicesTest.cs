using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform;

/// <summary>A test that speaks to the running grid and also to its MariaDB, or needs more replicas of it: not for the embedded run.</summary>
[Trait("needs", "services")]
public abstract class ServicesTest(Grid grid) : IAsyncLifetime
{
    protected Grid Grid { get; } = grid;

    protected ApiDriver Admin => Grid.Admin;

    protected GridServices Services => Grid.Services!;

    public async ValueTask InitializeAsync() => await Grid.EnsureStartedAsync();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
