using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>A model, and the backends that it is routed to.</summary>
internal sealed record ModelRow(Model Model, IReadOnlyList<string> BackendIds)
{
    public ModelView View(Caller caller, BackendPool pool)
    {
        var (health, active) = ModelHealth.Of(BackendIds, pool);
        return View(caller, health, active);
    }

    private ModelView View(Caller caller, string health, int activeBackends) => new(
        Model.Id,
        Model.Slug,
        Model.DisplayName,
        Model.Description,
        Model.Modality,
        JsonSerializer.Deserialize<string[]>(Model.Capabilities) ?? [],
        Model.ContextWindow > 0 ? Model.ContextWindow : null,
        Model.MaxOutputTokens,
        Money.Format(Model.InputPricePerMtok),
        Money.Format(Model.OutputPricePerMtok),
        Money.Format(Model.ImagePrice),
        Money.Format(Model.AudioPricePerMinute),
        Model.CachedInputPricePerMtok is { } cached ? Money.Format(cached) : null,
        Model.PriceVersion,
        JsonNode.Parse(Model.DefaultParams) as JsonObject ?? [],
        caller.Has(Permissions.ManageModels) ? Model.SystemPromptTemplate : null,
        Model.Status,
        JsonNode.Parse(Model.Metadata) as JsonObject ?? [],
        Model.DefaultAccess,
        Model.DeprecatedAt,
        Model.SunsetAt,
        health,
        activeBackends,
        BackendIds.Count,
        Model.CreatedAt,
        Model.UpdatedAt);
}
