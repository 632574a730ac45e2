using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ScaiGrid.Platform.Batch;

/// <param name="InputFileUrl">A pre-signed URL, or <c>scaigrid://file/{id}</c>.</param>
/// <param name="InputFileBase64">Instead of a URL: the JSONL itself, under 10 MB.</param>
/// <param name="EndpointCompletionWindow"><c>24h</c> (the default), <c>4h</c> or <c>1h</c>.</param>
/// <param name="Metadata">Any JSON object of the caller.</param>
public sealed record CreateBatch(string? InputFileUrl = null, string? InputFileBase64 = null, string? EndpointCompletionWindow = null, JsonObject? Metadata = null);

internal sealed record BatchCounts(int Total, int Completed, int Failed);

internal sealed record BatchView(
    string Id,
    string Status,
    string EndpointCompletionWindow,
    string? InputFileId,
    string? OutputFileId,
    string? ErrorFileId,
    BatchCounts RequestCounts,
    JsonNode? Errors,
    JsonNode? Metadata,
    DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt,
    DateTimeOffset? InProgressAt,
    DateTimeOffset? FinalizingAt,
    DateTimeOffset? EndedAt)
{
    public static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static BatchView Of(BatchRow row) => new(
        row.Id,
        row.Status,
        row.CompletionWindow,
        row.InputFileId,
        row.OutputFileId,
        row.ErrorFileId,
        new BatchCounts(row.Total, row.Completed, row.Failed),
        row.Errors is null ? null : JsonNode.Parse(row.Errors),
        JsonNode.Parse(row.Metadata),
        row.CreatedAt,
        row.ExpiresAt,
        row.InProgressAt,
        row.FinalizingAt,
        row.EndedAt);
}

/// <summary>OpenAI's request; unknown fields of newer clients are ignored.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Skip)]
public sealed record CreateOpenAiBatch(string? InputFileId, string? Endpoint, string? CompletionWindow, JsonObject? Metadata = null);

/// <summary>OpenAI's batch object.</summary>
internal sealed record OpenAiBatch(
    string Id,
    string Object,
    string? Endpoint,
    OpenAiBatchErrors? Errors,
    string? InputFileId,
    string CompletionWindow,
    string Status,
    string? OutputFileId,
    string? ErrorFileId,
    long CreatedAt,
    long? InProgressAt,
    long ExpiresAt,
    long? FinalizingAt,
    long? CompletedAt,
    long? FailedAt,
    long? ExpiredAt,
    long? CancellingAt,
    long? CancelledAt,
    BatchCounts RequestCounts,
    JsonNode? Metadata)
{
    public static OpenAiBatch Of(BatchRow row) => new(
        row.Id,
        "batch",
        row.Endpoint,
        row.Errors is null ? null : new OpenAiBatchErrors("list", JsonNode.Parse(row.Errors)),
        row.InputFileId,
        row.CompletionWindow,
        row.Status,
        row.OutputFileId,
        row.ErrorFileId,
        row.CreatedAt.ToUnixTimeSeconds(),
        row.InProgressAt?.ToUnixTimeSeconds(),
        row.ExpiresAt.ToUnixTimeSeconds(),
        row.FinalizingAt?.ToUnixTimeSeconds(),
        Ended(row, BatchStatus.Completed),
        Ended(row, BatchStatus.Failed),
        Ended(row, BatchStatus.Expired),
        row.CancellingAt?.ToUnixTimeSeconds(),
        Ended(row, BatchStatus.Cancelled),
        new BatchCounts(row.Total, row.Completed, row.Failed),
        JsonNode.Parse(row.Metadata));

    private static long? Ended(BatchRow row, string status) => row.Status == status ? row.EndedAt?.ToUnixTimeSeconds() : null;
}

internal sealed record OpenAiBatchErrors(string Object, JsonNode? Data);
