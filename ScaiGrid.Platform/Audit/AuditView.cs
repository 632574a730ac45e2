using System.Text.Json.Nodes;

namespace ScaiGrid.Platform.Audit;

/// <param name="Id">audit_…</param>
/// <param name="Timestamp">When it was stored.</param>
/// <param name="Action">Noun and verb, for example api_key.create.</param>
/// <param name="ActorId">The user's id; service:{name} for a service token.</param>
/// <param name="ActorEmail">The e-mail address at the time.</param>
/// <param name="ActorType">user, service or webhook.</param>
/// <param name="TenantId">The tenant whose log has the row.</param>
/// <param name="PartnerId">The tenant's partner.</param>
/// <param name="ResourceType">The kind of resource.</param>
/// <param name="ResourceId">The resource's id; for a refused attempt the id in the path, or empty.</param>
/// <param name="IpAddress">The client's address, see SCAIGRID_TRUSTED_PROXIES.</param>
/// <param name="UserAgent">As sent by the client.</param>
/// <param name="Status">SUCCESS or FAILURE.</param>
/// <param name="RequestId">The call's X-Request-Id.</param>
/// <param name="Changes">The changed rows before and after, secrets masked.</param>
/// <param name="Sequence">Counts from 1 within the tenant.</param>
/// <param name="PreviousHash">Hash of the previous row; empty for the first.</param>
/// <param name="Hash">SHA-256 over the other fields.</param>
internal sealed record AuditView(
    string Id,
    DateTimeOffset Timestamp,
    string Action,
    string ActorId,
    string ActorEmail,
    string ActorType,
    string TenantId,
    string PartnerId,
    string ResourceType,
    string ResourceId,
    string IpAddress,
    string UserAgent,
    string Status,
    string RequestId,
    JsonNode? Changes,
    long Sequence,
    string PreviousHash,
    string Hash)
{
    public static AuditView Of(AuditRow row) => new(
        row.Id,
        row.CreatedAt,
        row.Action,
        row.ActorId,
        row.ActorEmail,
        row.ActorType,
        row.TenantId,
        row.PartnerId,
        row.ResourceType,
        row.ResourceId,
        row.IpAddress,
        row.UserAgent,
        row.Status,
        row.RequestId,
        JsonNode.Parse(row.Changes),
        row.Sequence,
        row.PreviousHash,
        row.Hash);
}
