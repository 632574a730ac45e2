using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>The body of a ScaiKey webhook; unknown fields are ignored, because newer versions may send more.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
public sealed record ScaiKeyEventBody(
    string? EventId, string? EventType, string? Timestamp, ScaiKeyResourceBody? Resource, JsonObject? Data = null, string? TenantId = null, string? PartnerId = null)
{
    /// <exception cref="Core.Errors.ApiException">A required field is missing or invalid.</exception>
    internal ScaiKeyEvent Check()
    {
        var checks = new Checks();
        var id = checks.Required("event_id", EventId, ScaiKeyEventRow.IdLength);
        var type = checks.Required("event_type", EventType, 64);
        var at = checks.Time("timestamp", Timestamp);
        if (Timestamp is null)
        {
            checks.Add("timestamp", "is required.");
        }

        var resource = checks.Required("resource.id", Resource?.Id, ExternalIds.MaxLength);
        foreach (var (field, value) in new[] { ("event_id", id), ("event_type", type), ("resource.id", resource), ("tenant_id", TenantId ?? ""), ("partner_id", PartnerId ?? "") })
        {
            if (!Ascii.IsValid(value) || value.Any(char.IsControl))
            {
                checks.Add(field, "must be ASCII.");
            }
        }

        checks.ThrowIfAny();
        return new ScaiKeyEvent(id, type, at!.Value, resource, Data ?? [], TenantId, PartnerId);
    }
}

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
public sealed record ScaiKeyResourceBody(string? Id, string? Type = null);

/// <summary>A change in ScaiKey, or the state of one resource as listed by its admin API.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Type">Noun and verb: <c>user.suspended</c>.</param>
/// <param name="At">When it happened in ScaiKey.</param>
/// <param name="ResourceId">ScaiKey's id of the resource.</param>
/// <param name="Data">The resource's fields.</param>
/// <param name="TenantId">ScaiKey's id of the resource's tenant.</param>
/// <param name="PartnerId">ScaiKey's id of the resource's partner.</param>
internal sealed record ScaiKeyEvent(string Id, string Type, DateTimeOffset At, string ResourceId, JsonObject Data, string? TenantId, string? PartnerId)
{
    private const int NameLength = 200;

    public string Noun => Type.Split('.')[0];

    public string Verb => Type.Contains('.', StringComparison.Ordinal) ? Type[(Type.IndexOf('.', StringComparison.Ordinal) + 1)..] : "";

    /// <summary>Whether the resource is active; null if the event does not say.</summary>
    public bool? IsActive => Verb switch
    {
        "deleted" or "suspended" => false,
        "activated" => true,
        _ => Text("status") is { } status ? status == UserStatus.Active : Verb == "created" ? true : null,
    };

    public string? Text(string field) =>
        Data[field] is JsonValue value && value.TryGetValue<string>(out var text) && !string.IsNullOrWhiteSpace(text) ? text : null;

    /// <summary>A name to show, cut and cleaned: a refused event would be sent again and again.</summary>
    public string? Name(string field) => Text(field) is { } text && PlainText.Line(text) is { } name ? name[..Math.Min(name.Length, NameLength)] : null;

    /// <summary>The address; null also if it has characters that no address has, which are not removed, as another user may have what is left.</summary>
    public string? Email => Text("email") is { } email && PlainText.IsLine(email) ? email : null;

    /// <summary>The slug as ScaiKey has it; null if the event does not say, or it cannot be part of a token's issuer.</summary>
    public string? ExternalSlug => Text("slug") is { Length: <= ExternalIds.MaxLength } slug && Ascii.IsValid(slug) && !slug.Any(char.IsControl) ? slug : null;

    /// <summary>A slug in our form; derived from the id if ScaiKey's slug has another form.</summary>
    public string Slug() => Slugs.From(Text("slug") ?? ResourceId);
}
