using System.Text.Json.Nodes;

namespace ScaiGrid.Platform.Events;

/// <summary>An event in a tenant, for its subscribers.</summary>
/// <param name="Type">Lower case with dots: <see cref="EventTypes"/>, or a module's own, which begins with the module's id.</param>
/// <param name="Source">The feature or module that publishes it: <c>accounting</c>, <c>budgets</c>, <c>scaimatrix</c> …</param>
/// <param name="TenantId">The tenant whose webhooks receive it.</param>
/// <param name="PartnerId">The tenant's partner.</param>
/// <param name="Payload">The fields of this type of event; no prompts, completions or secrets.</param>
public sealed record GridEvent(string Type, string Source, string TenantId, string PartnerId, JsonObject Payload);
