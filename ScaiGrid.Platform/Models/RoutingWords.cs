using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Models;

/// <summary>The names of strategies and retry conditions in the API and in the database.</summary>
internal static class RoutingWords
{
    public const string Weighted = "weighted";

    public static readonly FrozenDictionary<string, RoutingStrategy> Strategies = new Dictionary<string, RoutingStrategy>
    {
        [Weighted] = RoutingStrategy.Weighted,
        ["least_inflight"] = RoutingStrategy.LeastInFlight,
        ["lowest_latency"] = RoutingStrategy.LowestLatency,
        ["lowest_cost"] = RoutingStrategy.LowestCost,
    }.ToFrozenDictionary();

    private static readonly RetryView Default = new(RetryPolicy.Default.MaxAttempts, [.. RetryPolicy.Words.Order(StringComparer.Ordinal)]);

    public static RetryView Read(string? stored) => stored is null ? Default : JsonSerializer.Deserialize<RetryView>(stored, JsonOptions) ?? Default;

    public static string Write(RetryView retry) => JsonSerializer.Serialize(retry, JsonOptions);

    public static RetryPolicy Policy(string? stored)
    {
        var view = Read(stored);
        return stored is null ? RetryPolicy.Default : new RetryPolicy(view.MaxAttempts, view.On.ToFrozenSet());
    }

    private static readonly JsonSerializerOptions JsonOptions = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
