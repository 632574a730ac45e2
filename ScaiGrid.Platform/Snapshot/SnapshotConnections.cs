using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// The database connections that load the snapshot. A request that changed it keeps its own connection until the change is loaded: if all of a
/// pool's connections waited like this, a load that needed one of the same pool could not begin.
/// </summary>
internal sealed class SnapshotConnections(DatabaseOptions options, IServiceProvider services) : IDbContextFactory<PlatformDb>
{
    private const string Name = "scaigrid-snapshot";

    // One load at a time, and the state of the database for administrators.
    private const int Most = 2;

    private readonly PooledDbContextFactory<PlatformDb> _contexts = new(
        (DbContextOptions<PlatformDb>)new DbContextOptionsBuilder<PlatformDb>()
            .UseApplicationServiceProvider(services)
            .UseDatabase(options, options.Address.WithOwnPool(Name, Most))
            .Options);

    public PlatformDb CreateDbContext() => _contexts.CreateDbContext();
}
