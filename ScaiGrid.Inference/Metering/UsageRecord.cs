using System.Text.Json;
using System.Text.Json.Serialization;

namespace ScaiGrid.Inference.Metering;

/// <summary>The use of one call. Written to the journal before the caller sees the end of the answer; stored in the database exactly once.</summary>
public sealed record UsageRecord
{
    /// <summary><c>usage_…</c>, assigned by us and therefore unique, unlike a request id, which callers may choose.</summary>
    public required string Id { get; init; }

    public required string RequestId { get; init; }

    /// <summary>When the call was settled, in microseconds since the Unix epoch.</summary>
    public required long CreatedAt { get; init; }

    public required string PartnerId { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public string? ApiKeyId { get; init; }

    /// <summary>The user's groups at the time of the call, whose budgets it counts against; null for none.</summary>
    public IReadOnlyList<string>? GroupIds { get; init; }

    public required string ModelId { get; init; }

    /// <summary>The frontend model's slug at the time of the call.</summary>
    public required string Model { get; init; }

    public required string BackendId { get; init; }

    /// <summary><c>native</c>, <c>openai</c> or <c>grpc</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary><c>ok</c>, <c>error</c> (failed after some output) or <c>cancelled</c> (the caller disconnected).</summary>
    public required string Status { get; init; }

    public required long TokensIn { get; init; }

    public required long TokensOut { get; init; }

    /// <summary>Part of <see cref="TokensIn"/>.</summary>
    public long CachedTokens { get; init; }

    /// <summary>Part of <see cref="TokensOut"/>.</summary>
    public long ReasoningTokens { get; init; }

    /// <summary>Charged to the caller, in nano-units.</summary>
    public required long Cost { get; init; }

    /// <summary>Charged by the upstream, in nano-units.</summary>
    public required long BackendCost { get; init; }

    /// <summary>The version of the model's prices that was charged.</summary>
    public int PriceVersion { get; init; } = 1;

    public required long LatencyMs { get; init; }

    public long? TimeToFirstTokenMs { get; init; }

    /// <summary>True if the tokens were counted here because the upstream gave no usage.</summary>
    public bool Estimated { get; init; }

    /// <summary>True for a <see cref="UsageNote"/>: if the call has a record of its own, that one counts, whichever is stored first.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsNote { get; init; }

    /// <returns>Null if it is not a usage record.</returns>
    internal static UsageRecord? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, UsageJson.Default.UsageRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UsageRecord))]
internal sealed partial class UsageJson : JsonSerializerContext;
