using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Models;
using Deployment = ScaiGrid.Inference.Routing.Backend;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Creates the models of a snapshot, each with its targets in the order in which they are tried. Unchanged models are the same objects as
/// in the previous snapshot. A model that cannot be read is left out and logged; the others are loaded.
/// </summary>
/// <remarks>Used by one load at a time.</remarks>
internal sealed partial class RouteTable(ILogger<RouteTable> logger)
{
    private static readonly string[] OutputFields = ["max_tokens", "max_completion_tokens"];

    private Dictionary<string, Made> _made = [];
    private Dictionary<string, string> _leftOut = [];

    public FrozenDictionary<string, ModelRoute> Models(SnapshotRows rows, IReadOnlyDictionary<string, Deployment> backends)
    {
        var made = new Dictionary<string, Made>();
        var leftOut = new Dictionary<string, string>();
        var access = new AccessTable(rows);
        foreach (var model in rows.Models.All)
        {
            // When a backend is deleted, it is also removed from routing policies.
            RoutingTarget[] targets = [.. rows.Targets.Of(model.Id).Where(target => rows.Backends.Find(target.BackendId) is not null)];
            var sources = new Sources(model, rows.Policies.Find(model.Id), access.Exceptions(model), targets, [.. targets.Select(target => backends.GetValueOrDefault(target.BackendId))]);
            try
            {
                made[model.Slug] = _made.TryGetValue(model.Slug, out var known) && known.Sources.AreSame(sources)
                    ? known
                    : new Made(sources, Route(sources, backends));
            }
            catch (Exception exception)
            {
                // Of any kind: one model must not keep every replica from loading all others.
                leftOut[model.Slug] = exception.Message;
                if (_leftOut.GetValueOrDefault(model.Slug) != exception.Message)
                {
                    ModelLeftOut(model.Slug, exception);
                }
            }
        }

        (_made, _leftOut) = (made, leftOut);
        return made.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.Route);
    }

    private static ModelRoute Route(Sources sources, IReadOnlyDictionary<string, Deployment> backends)
    {
        var (model, policy, exceptions, targets, _) = sources;
        return new ModelRoute
        {
            Id = model.Id,
            Slug = model.Slug,
            DisplayName = model.DisplayName,
            Description = model.Description,
            Modality = model.Modality,
            Capabilities = JsonSerializer.Deserialize<ImmutableArray<string>>(model.Capabilities),
            ContextWindow = model.ContextWindow > 0 ? model.ContextWindow : null,
            MaxOutputTokens = model.MaxOutputTokens,
            Prices = new UnitPrices(model.InputPricePerMtok, model.OutputPricePerMtok, model.ImagePrice, model.AudioPricePerMinute, model.CachedInputPricePerMtok),
            PriceVersion = model.PriceVersion,
            Status = model.Status,
            DefaultParams = Defaults(model),
            SystemPrompt = model.SystemPromptTemplate,
            PromptTemplate = model.SystemPromptTemplate is { } template ? PromptTemplate.Parse(template) : null,
            IsOpen = model.DefaultAccess != ModelAccessWords.Block,
            AccessExceptions = exceptions,
            Deprecation = model.DeprecatedAt is { } deprecated ? string.Create(CultureInfo.InvariantCulture, $"@{deprecated.ToUnixTimeSeconds()}") : null,
            Sunset = model.SunsetAt?.ToString("R", CultureInfo.InvariantCulture),
            PartnerId = model.PartnerId,
            TenantId = model.TenantId,
            CreatedAt = model.CreatedAt,
            Strategy = RoutingWords.Strategies.GetValueOrDefault(policy?.Strategy ?? RoutingWords.Weighted),
            Retry = RoutingWords.Policy(policy?.Retry),
            Targets =
            [
                .. targets
                    .Where(target => backends.ContainsKey(target.BackendId))
                    .OrderBy(target => target.Priority)
                    .ThenBy(target => target.BackendId, StringComparer.Ordinal)
                    .Select(target => new Target(backends[target.BackendId], target.Weight, target.Priority, model.Modality)),
            ],
        };
    }

    private static JsonObject? Defaults(Model model)
    {
        var defaults = JsonNode.Parse(model.DefaultParams) as JsonObject;

        // Lowered to the model's limit, like the values of callers.
        foreach (var name in OutputFields)
        {
            if (model.MaxOutputTokens is { } most && defaults?[name] is JsonValue asked && asked.TryGetValue(out long tokens) && tokens > most)
            {
                defaults[name] = most;
            }
        }

        Materialize(defaults);
        return defaults is { Count: > 0 } ? defaults : null;
    }

    // A parsed JsonObject creates its members on first access. Done here once, because calls access it from many threads.
    private static void Materialize(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (_, value) in members)
                {
                    Materialize(value);
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    Materialize(item);
                }

                break;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Model {Model} cannot be used: its row cannot be read.")]
    private partial void ModelLeftOut(string model, Exception exception);

    /// <summary>The sources of a route; unchanged rows and backends are the same objects.</summary>
    private sealed record Sources(Model Model, RoutingPolicy? Policy, FrozenSet<string>? Exceptions, RoutingTarget[] Targets, Deployment?[] Backends)
    {
        public bool AreSame(Sources other) =>
            Model == other.Model && Policy == other.Policy && (Exceptions?.SetEquals(other.Exceptions ?? []) ?? other.Exceptions is null)
            && Targets.SequenceEqual(other.Targets) && Backends.SequenceEqual(other.Backends);
    }

    private sealed record Made(Sources Sources, ModelRoute Route);
}
