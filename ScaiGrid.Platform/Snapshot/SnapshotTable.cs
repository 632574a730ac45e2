using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>The rows of one table of a snapshot, kept from one load to the next.</summary>
internal abstract class SnapshotTable
{
    /// <summary>The entity's name.</summary>
    public abstract string Name { get; }

    /// <summary>A description of what <see cref="Write"/> writes per row: the name and type of each value, with a question mark if it may be null.</summary>
    public abstract string Shape { get; }

    /// <summary>The table's name in the database, as in <see cref="SnapshotChange.Kind"/>.</summary>
    public abstract string NameIn(PlatformDb db);

    /// <param name="db">A context inside the load's transaction.</param>
    /// <param name="owners">The owners whose rows are read again; null for all.</param>
    /// <param name="cancellationToken">Cancels the load.</param>
    public abstract Task LoadAsync(PlatformDb db, IReadOnlyCollection<string>? owners, CancellationToken cancellationToken);

    public abstract void Write(Utf8JsonWriter writer);

    public abstract void Read(JsonElement rows);
}

/// <inheritdoc/>
/// <param name="owner">The first column of the primary key.</param>
/// <param name="rows">Selects the rows that the snapshot needs.</param>
/// <param name="owned">Restricts rows to some owners.</param>
internal sealed class SnapshotTable<T>(
    Func<T, string> owner, Func<PlatformDb, IQueryable<T>> rows, Func<IQueryable<T>, IReadOnlyCollection<string>, IQueryable<T>> owned) : SnapshotTable
    where T : class, ISnapshotted
{
    private readonly Dictionary<string, T[]> _rows = [];

    public override string Name => typeof(T).Name;

    public override string Shape
    {
        get
        {
            var values = JsonSerializerOptions.Default.GetTypeInfo(typeof(T)).Properties
                .Select(value => $"{value.Name}: {value.PropertyType}{(value.IsRequired ? "" : "?")}");
            return $"{Name} {{ {string.Join(", ", values.Order(StringComparer.Ordinal))} }}";
        }
    }

    public IEnumerable<T> All => _rows.Values.SelectMany(group => group);

    /// <summary>The row with this id; the same object as in the previous load if it did not change.</summary>
    public T? Find(string id) => _rows.TryGetValue(id, out var group) ? group[0] : null;

    /// <summary>The rows of an owner; the same array as in the previous load if none of them changed.</summary>
    public T[] Of(string ownerId) => _rows.GetValueOrDefault(ownerId) ?? [];

    public override string NameIn(PlatformDb db) => db.Model.FindEntityType(typeof(T))!.GetTableName()!;

    public override async Task LoadAsync(PlatformDb db, IReadOnlyCollection<string>? owners, CancellationToken cancellationToken)
    {
        var query = rows(db).AsNoTracking();
        var read = await (owners is null ? query : owned(query, owners)).ToListAsync(cancellationToken);
        if (owners is null)
        {
            _rows.Clear();
        }
        else
        {
            foreach (var changed in owners)
            {
                _rows.Remove(changed);
            }
        }

        Keep(read);
    }

    public override void Write(Utf8JsonWriter writer) => JsonSerializer.Serialize(writer, All);

    public override void Read(JsonElement rows)
    {
        _rows.Clear();
        Keep(rows.Deserialize<List<T>>() ?? []);
    }

    private void Keep(List<T> read)
    {
        foreach (var group in read.GroupBy(owner))
        {
            _rows[group.Key] = [.. group];
        }
    }
}
