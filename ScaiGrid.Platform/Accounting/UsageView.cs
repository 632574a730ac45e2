using ScaiGrid.Core;

namespace ScaiGrid.Platform.Accounting;

/// <summary>One call, as it is listed and exported.</summary>
internal sealed record UsageView(
    string Id,
    string RequestId,
    DateTimeOffset CreatedAt,
    string Model,
    string BackendId,
    string UserId,
    string TenantId,
    string? ApiKeyId,
    string Protocol,
    string Status,
    long TokensIn,
    long TokensOut,
    long CachedTokens,
    long ReasoningTokens,
    string Cost,
    int PriceVersion,
    bool Estimated,
    int LatencyMs,
    int? TimeToFirstTokenMs)
{
    public static UsageView Of(UsageRow row) => new(
        row.Id,
        row.RequestId,
        row.CreatedAt,
        row.Model,
        row.BackendId,
        row.UserId,
        row.TenantId,
        row.ApiKeyId,
        row.Protocol,
        row.Status,
        row.TokensIn,
        row.TokensOut,
        row.CachedTokens,
        row.ReasoningTokens,
        Money.Format(row.Cost),
        row.PriceVersion,
        row.Estimated,
        row.LatencyMs,
        row.TimeToFirstTokenMs);
}
