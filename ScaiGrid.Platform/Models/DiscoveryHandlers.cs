using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Lists the models of a provider's upstream. With <c>import=true</c>, new ones get a backend and a model <c>{provider}/{name}</c> that is routed
/// to it; existing ones are left unchanged.
/// </summary>
internal static partial class DiscoveryHandlers
{
    private const int MaxImported = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<Results<Ok<Envelope<DiscoveryView>>, ProblemResult>> Discover(
        string id,
        bool? import,
        DiscoverModels? body,
        AuditEntry audit,
        PlatformDb db,
        ProviderCatalog catalog,
        ProviderSecrets secrets,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await db.Providers.AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancellationToken) is not { } provider)
        {
            return Reply.Problem(ModelErrors.ProviderNotFound);
        }

        // Not the first of the imported rows.
        audit.ResourceId = id;
        var checks = new Checks();
        var wanted = body?.Models?.OfType<string>().ToHashSet();
        var inputPrice = checks.Price("input_price_per_mtok", body?.InputPricePerMtok, otherwise: 0);
        var outputPrice = checks.Price("output_price_per_mtok", body?.OutputPricePerMtok, otherwise: 0);
        checks.ThrowIfAny();

        var listing = await ListAsync(provider, catalog, secrets, cancellationToken);
        if (listing.Error is { } error)
        {
            return Reply.Problem(ModelErrors.ProviderDiscovery, error.Message ?? $"The upstream did not return its list of models ({error.Failure.Label()}).");
        }

        var known = await db.Backends.AsNoTracking().Where(backend => backend.ProviderId == id)
            .Select(backend => new { backend.Model, backend.Id }).ToListAsync(cancellationToken);
        var backends = known.GroupBy(backend => backend.Model).ToDictionary(group => group.Key, group => group.First().Id);
        var found = listing.Models.DistinctBy(model => model.Id).Select(model => new DiscoveredModel(
            model.Id, model.DisplayName, model.Modality, model.Capabilities, model.ContextWindow, model.MaxOutputTokens, backends.GetValueOrDefault(model.Id), null, null)).ToList();
        if (import is true)
        {
            var rows = new Import(provider, inputPrice, outputPrice, time.GetStoredNow());
            var slugs = (await db.Models.AsNoTracking().Select(model => model.Slug).ToListAsync(cancellationToken)).ToHashSet();
            var left = MaxImported;
            for (var i = 0; i < found.Count && left > 0; i++)
            {
                if (found[i].BackendId is null && wanted?.Contains(found[i].Id) is not false)
                {
                    found[i] = rows.Add(found[i], slugs, db, time);
                    left--;
                }
            }

            await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.SlugConflict, referenced: ModelErrors.ProviderNotFound);
        }

        return Reply.Ok(new DiscoveryView(id, found, found.Count(model => model.ModelId is not null)));
    }

    private static async Task<ModelListing> ListAsync(Provider provider, ProviderCatalog catalog, ProviderSecrets secrets, CancellationToken cancellationToken)
    {
        if (!catalog.TryGet(provider.Type, out var type))
        {
            return ModelListing.Failed(new UpstreamError(UpstreamFailure.Misconfigured, $"There is no provider of type {provider.Type}."));
        }

        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Patience);
        try
        {
            return await type.ListModelsAsync(secrets.Opened(provider), bound.Token);
        }
        catch (CryptographicException)
        {
            return ModelListing.Failed(new UpstreamError(UpstreamFailure.Misconfigured, "The provider's credentials can no longer be opened; enter them again."));
        }
    }

    /// <summary>Creates the rows of one import.</summary>
    private sealed record Import(Provider Provider, long InputPrice, long OutputPrice, DateTimeOffset Now)
    {
        private readonly string _prefix = NotInSlugs().Replace(Provider.Name.ToLowerInvariant(), "-").Trim('-');

        public DiscoveredModel Add(DiscoveredModel found, HashSet<string> slugs, PlatformDb db, TimeProvider time)
        {
            var slug = $"{(_prefix.Length == 0 ? Provider.Type : _prefix)}/{found.Id}";
            if (found.Id.Length > 200 || !ModelSlug.IsPlatformSlug(slug))
            {
                return found with { Skipped = "Its name cannot be part of a slug: add it by hand." };
            }

            if (!slugs.Add(slug))
            {
                return found with { Skipped = $"There is a model {slug}." };
            }

            var capabilities = JsonSerializer.Serialize(found.Capabilities);
            var backend = new Backend
            {
                Id = Ids.New(Ids.Backend, time),
                ProviderId = Provider.Id,
                Name = found.Id,
                Model = found.Id,
                Uri = $"{Provider.Type}:{found.Id}",
                Capabilities = capabilities,
                CreatedAt = Now,
                UpdatedAt = Now,
            };
            var model = new Model
            {
                Id = Ids.New(Ids.Model, time),
                Slug = slug,
                DisplayName = PlainText.Line(found.DisplayName ?? "") is { Length: <= 200 } name ? name : found.Id,
                Modality = found.Modality,
                Capabilities = capabilities,
                ContextWindow = found.ContextWindow ?? 0,

                // Some windows are of the input alone; then there is no valid limit.
                MaxOutputTokens = found.MaxOutputTokens > found.ContextWindow ? null : found.MaxOutputTokens,
                InputPricePerMtok = InputPrice,
                OutputPricePerMtok = OutputPrice,
                Metadata = new JsonObject { ["imported_from"] = Provider.Id }.ToJsonString(),
                CreatedAt = Now,
                UpdatedAt = Now,
            };
            db.AddRange(backend, model, ModelPrice.Of(model, Now), new RoutingTarget { ModelId = model.Id, BackendId = backend.Id });
            return found with { BackendId = backend.Id, ModelId = model.Id };
        }
    }

    [GeneratedRegex("[^a-z0-9._-]+")]
    private static partial Regex NotInSlugs();
}

/// <param name="Models">Names of the models to import; all if omitted.</param>
/// <param name="InputPricePerMtok">The price of imported models for callers, per million input tokens; 0 by default.</param>
/// <param name="OutputPricePerMtok">The price of imported models for callers, per million output tokens; 0 by default.</param>
public sealed record DiscoverModels(string?[]? Models = null, string? InputPricePerMtok = null, string? OutputPricePerMtok = null);

/// <param name="ProviderId">The provider whose upstream was asked.</param>
/// <param name="Models">The upstream's models.</param>
/// <param name="Imported">The number of models that were imported by this call.</param>
internal sealed record DiscoveryView(string ProviderId, IReadOnlyList<DiscoveredModel> Models, int Imported);

/// <param name="Id">The model's name at the upstream.</param>
/// <param name="DisplayName">If the upstream has one.</param>
/// <param name="Modality">As reported by the upstream, or guessed from the name.</param>
/// <param name="Capabilities">If the upstream reports them.</param>
/// <param name="ContextWindow">In tokens, if the upstream reports it.</param>
/// <param name="MaxOutputTokens">In tokens, if the upstream reports it.</param>
/// <param name="BackendId">The provider's backend for it, if there is one.</param>
/// <param name="ModelId">The model that this call created.</param>
/// <param name="Skipped">Why it was not imported.</param>
internal sealed record DiscoveredModel(
    string Id,
    string? DisplayName,
    string Modality,
    IReadOnlyList<string> Capabilities,
    int? ContextWindow,
    int? MaxOutputTokens,
    string? BackendId,
    string? ModelId,
    string? Skipped);
