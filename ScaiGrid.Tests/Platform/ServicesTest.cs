using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform;

/// <summary>A test that accesses the grid's MariaDB directly, or needs more replicas of it. It does not run on the embedded stack.</summary>
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
