using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Builds the hot path's snapshot from the database, or from the file of the last one. One load at a time.</summary>
internal sealed class SnapshotLoader(
    IDbContextFactory<PlatformDb> databases,
    BackendPool backends,
    RouteTable routes,
    PermissionCatalogue permissions,
    CredentialPool credentials,
    AdmissionOptions limits,
    SnapshotFile file,
    TimeProvider time)
{
    private readonly SnapshotRows _rows = new();

    public async Task<(GridSnapshot Grid, HomeTenant? Home)> LoadAsync(CancellationToken cancellationToken)
    {
        await _rows.ReadAsync(databases, cancellationToken);
        return Build(_rows.Revision);
    }

    /// <summary>Restores the last snapshot that was saved in this data directory.</summary>
    /// <returns>Null if there is none, or it is too old.</returns>
    public async Task<(GridSnapshot Grid, HomeTenant? Home, TimeSpan Age)?> RestoreAsync(CancellationToken cancellationToken)
    {
        if (await file.ReadAsync(_rows, cancellationToken) is not var (revision, age))
        {
            return null;
        }

        var (grid, home) = Build(revision);
        return (grid, home, age);
    }

    /// <summary>The loaded rows, for <see cref="SaveAsync"/>; null if they are of two moments.</summary>
    public byte[]? Seal() => _rows.IsConsistent ? file.Seal(_rows) : null;

    /// <summary>Saves rows for a start without the database.</summary>
    public Task SaveAsync(byte[] rows, CancellationToken cancellationToken) => file.WriteAsync(rows, cancellationToken);

    public async Task<long> RevisionAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);

        // Below EF's execution strategy: this is called every second, so it needs no retries, and the database's own error is wanted.
        await db.Database.OpenConnectionAsync(cancellationToken);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = "SELECT revision FROM snapshot_revision WHERE id = 1";
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
    }

    private (GridSnapshot Grid, HomeTenant? Home) Build(long revision)
    {
        credentials.Begin();
        var callers = new CallerTable(_rows, permissions, credentials, time.GetUtcNow());
        var users = callers.Users();
        var grid = new GridSnapshot
        {
            Revision = revision,
            Keys = callers.Keys(),
            Users = users,
            Subjects = callers.Subjects(users),
            IssuerTenants = callers.IssuerTenants(),
            Models = routes.Models(_rows, backends.Connect(_rows)),
            Admission = AdmissionTable.Rules(_rows, limits),
        };
        return (grid, callers.Home());
    }
}
