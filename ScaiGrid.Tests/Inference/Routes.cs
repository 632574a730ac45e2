using System.Collections.Immutable;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Tests.Inference;

/// <summary>Creates models as they are in the snapshot.</summary>
internal static class Routes
{
    public static ModelRoute Make(
        string slug = "m",
        ImmutableArray<Target>? targets = null,
        int? window = null,
        int? maxOutput = null,
        string? defaults = null,
        string? systemPrompt = null) => new()
        {
            Id = "mdl_1",
            Slug = slug,
            DisplayName = "M",
            Description = "",
            Modality = "chat",
            Capabilities = [],
            Prices = default,
            Status = "active",
            CreatedAt = DateTimeOffset.UnixEpoch,
            Targets = targets ?? [],
            ContextWindow = window,
            MaxOutputTokens = maxOutput,
            DefaultParams = defaults is null ? null : JsonNode.Parse(defaults)!.AsObject(),
            SystemPrompt = systemPrompt,
        };
}
