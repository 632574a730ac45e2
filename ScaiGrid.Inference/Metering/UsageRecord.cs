using System.Text.Json.Serialization;

namespace ScaiGrid.Inference.Metering;

/// <summary>What one call used. Written to the journal before the caller sees the end of the answer; in the database exactly once.</summary>
public sealed record UsageRecord
{
    /// <summary><c>usage_…</c>, given by us and therefore unique, unlike a request id, which callers may choose.</summary>
    public required string Id { get; init; }

    public required string RequestId { get; init; }

    /// <summary>Microseconds since the Unix epoch at which the call was settled.</summary>
    public required long CreatedAt { get; init; }

    public required string PartnerId { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public string? ApiKeyId { get; init; }

    /// <summary>The user's groups at the time of the call, which it counts for; null for none.</summary>
    public IReadOnlyList<string>? GroupIds { get; init; }

    public required string ModelId { get; init; }

    /// <summary>The frontend model's slug at the time of the call.</summary>
    public required string Model { get; init; }

    public required string BackendId { get; init; }

    /// <summary><c>native</c>, <c>openai</c> or <c>grpc</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary><c>ok</c>, <c>error</c> (broke after some output) or <c>cancelled</c> (the caller left).</summary>
    public required string Status { get; init; }

    public required long TokensIn { get; init; }

    public required long TokensOut { get; init; }

    /// <summary>Part of <see cref="TokensIn"/>.</summary>
    public long CachedTokens { get; init; }

    /// <summary>Part of <see cref="TokensOut"/>.</summary>
    public long ReasoningTokens { get; init; }

    /// <summary>Nano-units charged to the caller.</summary>
    public required long Cost { get; init; }

    /// <summary>Nano-units that the upstream charges.</summary>
    public required long BackendCost { get; init; }

    /// <summary>Which of the model's prices was charged.</summary>
    public int PriceVersion { get; init; } = 1;

    public required long LatencyMs { get; init; }

    public long? TimeToFirstTokenMs { get; init; }

    /// <summary>The upstream gave no usage: tokens were counted here.</summary>
    public bool Estimated { get; init; }

    /// <summary>Of a <see cref="UsageNote"/>: where the call has a record of its own, that one counts, whichever comes first.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsNote { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UsageRecord))]
internal sealed partial class UsageJson : JsonSerializerContext;
