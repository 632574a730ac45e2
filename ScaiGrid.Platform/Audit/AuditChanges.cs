using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using ScaiGrid.Core.Audit;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Jobs;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// The rows that a transaction changes, with the changed fields before and after: <c>[{"resource":"api_keys","id":"apikey_…",
/// "before":null,"after":{…}}]</c>. Secrets are masked before anything is stored.
/// </summary>
internal sealed class AuditChanges
{
    // Of a larger unit of work, the first rows and the total number are kept.
    private const int MaxRows = 50;

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonArray _rows = [];
    private readonly HashSet<string> _tenants = [];
    private int _count;

    public bool IsEmpty => _count == 0;

    /// <summary>The id of the first changed row that has one.</summary>
    public string? ResourceId { get; private set; }

    /// <summary>The tenant of the changed rows; null if there are none or several tenants.</summary>
    public string? TenantId => _tenants.Count == 1 ? _tenants.First() : null;

    public void Add(ChangeTracker tracker)
    {
        foreach (var entry in tracker.Entries().Where(IsChange))
        {
            _count++;
            var key = Key(entry);
            ResourceId ??= entry.Metadata.FindPrimaryKey()?.Properties is [{ Name: "Id" }] ? key : null;
            if (entry.Entity is Tenant tenant)
            {
                _tenants.Add(tenant.Id);
            }
            else if (entry.Metadata.FindProperty("TenantId") is { } property && entry.Property(property).CurrentValue is string tenantId)
            {
                _tenants.Add(tenantId);
            }

            if (_rows.Count < MaxRows)
            {
                _rows.Add(new JsonObject
                {
                    ["resource"] = entry.Metadata.GetTableName(),
                    ["id"] = key,
                    ["before"] = entry.State is EntityState.Added ? null : Fields(entry, property => property.OriginalValue),
                    ["after"] = entry.State is EntityState.Deleted ? null : Fields(entry, property => property.CurrentValue),
                });
            }
        }
    }

    public static string ToJson(AuditChanges? changes, JsonObject? details)
    {
        var rows = changes?._rows.DeepClone().AsArray() ?? [];
        if (changes?._count > MaxRows)
        {
            rows.Add(new JsonObject { ["omitted"] = changes._count - MaxRows });
        }

        if (details is not null)
        {
            rows.Add(new JsonObject { ["details"] = AuditMask.Mask("details", details.DeepClone()) });
        }

        return rows.ToJsonString(Json);
    }

    /// <summary>An event is a report of the change and no change of its own.</summary>
    private static bool IsChange(EntityEntry entry) =>
        entry.State is EntityState.Added or EntityState.Modified or EntityState.Deleted && entry.Entity is not Job { Queue: EventOutbox.Queue };

    private static string Key(EntityEntry entry) =>
        string.Join('/', entry.Metadata.FindPrimaryKey()?.Properties.Select(property => $"{entry.Property(property).CurrentValue}") ?? []);

    private static JsonObject Fields(EntityEntry entry, Func<PropertyEntry, object?> value)
    {
        var fields = new JsonObject();
        foreach (var property in entry.Properties.Where(property => entry.State is not EntityState.Modified || property.IsModified))
        {
            var name = property.Metadata.GetColumnName();
            var node = Node(value(property));
            fields[name] = property.Metadata.PropertyInfo?.IsDefined(typeof(PrivateAttribute), inherit: false) is true ? AuditMask.Hide(node) : AuditMask.Mask(name, node);
        }

        return fields;
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        string text => Document(text) ?? JsonValue.Create(text),
        bool flag => flag,
        int number => number,
        long number => number,
        DateTimeOffset time => time,
        _ => value.ToString(),
    };

    /// <summary>Parses a JSON column, so that secrets inside it can be masked by name.</summary>
    private static JsonNode? Document(string text)
    {
        if (text is not (['{', ..] or ['[', ..]))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
