using System.Data.Common;
using System.Globalization;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;

namespace ScaiGrid.Platform.Data;

/// <summary>Collects a transaction's changes of the snapshot, and increments the revision.</summary>
internal sealed class SnapshotChangeSet
{
    /// <summary>With more owners than this, the change is noted for the whole table.</summary>
    private const int MaxOwners = 200;

    /// <summary>The number of revisions whose changes are kept; a replica that is further behind reads everything.</summary>
    private const int KeptRevisions = 2000;

    private readonly HashSet<(string Kind, string Owner)> _changes = [];

    public bool IsEmpty => _changes.Count == 0;

    public void AddEverything() => _changes.Add((SnapshotChange.Any, SnapshotChange.Any));

    public void Add(EntityEntry entry)
    {
        var key = entry.Metadata.FindPrimaryKey()?.Properties[0];
        var owner = key is null ? null : Convert.ToString(entry.Property(key).CurrentValue, CultureInfo.InvariantCulture);
        Add(entry.Metadata.GetTableName()!, owner);
    }

    /// <summary>For a change that the context does not track.</summary>
    public void Add(string kind, string? owner) =>
        _changes.Add((kind, owner is { Length: > 0 and <= SnapshotChange.MaxLength } && Ascii.IsValid(owner) ? owner : SnapshotChange.Any));

    public void Clear() => _changes.Clear();

    /// <summary>Increments the revision in the running transaction and notes what changed, in one round trip.</summary>
    public async Task CountAsync(DbTransaction transaction, CancellationToken cancellationToken)
    {
        await using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = Sql(command, [.. _changes.GroupBy(change => change.Kind).SelectMany(Bounded)]);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static IEnumerable<(string Kind, string Owner)> Bounded(IGrouping<string, (string Kind, string Owner)> changes) =>
        changes.Count() > MaxOwners ? [(changes.Key, SnapshotChange.Any)] : changes;

    private static string Sql(DbCommand command, List<(string Kind, string Owner)> changes)
    {
        var sql = new StringBuilder("UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1; INSERT INTO snapshot_changes (revision, kind, owner) VALUES ");
        for (var i = 0; i < changes.Count; i++)
        {
            sql.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : ", ")}((SELECT revision FROM snapshot_revision WHERE id = 1), @kind{i}, @owner{i})");
            command.Add(($"@kind{i}", changes[i].Kind), ($"@owner{i}", changes[i].Owner));
        }

        return sql
            .Append(CultureInfo.InvariantCulture, $"; DELETE FROM snapshot_changes WHERE revision < (SELECT revision FROM snapshot_revision WHERE id = 1) - {KeptRevisions}")
            .ToString();
    }
}
