using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>Upstream services, managed by the installation's operators.</summary>
internal static class ProviderEndpoints
{
    private const int NameLength = 100;

    public static void MapProviders(this IEndpointRouteBuilder group)
    {
        group.MapGet("/providers", List).RequirePermission(Permissions.ManageModels)
            .WithName("ListProviders").WithSummary("The upstream services, newest first.");
        group.MapPost("/providers", Create).RequirePermission(Permissions.ManageModels).Audited("provider.create", "provider")
            .WithName("CreateProvider").WithSummary("Adds an upstream service; its credentials are stored encrypted.");
        group.MapGet("/providers/{id}", Get).RequirePermission(Permissions.ManageModels)
            .WithName("GetProvider").WithSummary("One upstream service, its credentials masked.");
        group.MapPut("/providers/{id}", Update).RequirePermission(Permissions.ManageModels).Audited("provider.update", "provider")
            .WithName("UpdateProvider").WithSummary("Changes what is given; a masked credential means the stored one.");
        group.MapDelete("/providers/{id}", Delete).RequirePermission(Permissions.ManageModels).Audited("provider.delete", "provider")
            .WithName("DeleteProvider").WithSummary("Removes an upstream service that has no backends.");
        group.MapPost("/providers/{id}/discover", DiscoveryHandlers.Discover).RequirePermission(Permissions.ManageModels).Audited("provider.discover", "provider")
            .WithName("DiscoverModels").WithSummary("Lists what the upstream serves; `?import=true` makes a backend and a model of each that has none.");
    }

    private static async Task<Ok<PageEnvelope<ProviderView>>> List(
        [AsParameters] PageQuery query, PlatformDb db, ProviderSecrets secrets, CancellationToken cancellationToken)
    {
        var page = await db.Providers.AsNoTracking().NewestAsync(query, Ids.Provider, provider => provider.Id, cancellationToken);
        return page.As(row => View(row, secrets));
    }

    private static async Task<Created<Envelope<ProviderView>>> Create(
        CreateProvider body, PlatformDb db, ProviderCatalog catalog, ProviderSecrets secrets, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var id = Ids.New(Ids.Provider, time);
        var name = checks.Required("name", body.Name, NameLength);
        var type = checks.Required("type", body.Type, 50);
        if (!catalog.TryGet(type, out var provider))
        {
            checks.Add("type", $"must be one of {string.Join(", ", catalog.Types.Order(StringComparer.Ordinal))}.");
        }

        var config = ProviderSecrets.Complete(checks, "config", checks.Document("config", body.Config) ?? []);
        provider?.Check(checks, "config", config);
        checks.ThrowIfAny();

        var (readable, credentials) = secrets.Split(config, id);
        var now = time.GetStoredNow();
        var row = new Provider { Id = id, Name = name, Type = type, Config = readable, Credentials = credentials, CreatedAt = now, UpdatedAt = now };
        db.Providers.Add(row);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.ProviderNameTaken);
        return Reply.Created($"/v1/providers/{id}", View(row, secrets));
    }

    private static async Task<Results<Ok<Envelope<ProviderView>>, ProblemResult>> Get(
        string id, PlatformDb db, ProviderSecrets secrets, CancellationToken cancellationToken)
    {
        var row = await db.Providers.AsNoTracking().SingleOrDefaultAsync(provider => provider.Id == id, cancellationToken);
        return row is null ? Reply.Problem(ModelErrors.ProviderNotFound) : Reply.Ok(View(row, secrets));
    }

    private static async Task<Ok<Envelope<ProviderView>>> Update(
        string id,
        UpdateProvider body,
        IDbContextFactory<PlatformDb> databases,
        ProviderCatalog catalog,
        ProviderSecrets secrets,
        TimeProvider time,
        CancellationToken cancellationToken) => Reply.Ok(await databases.InOrderAsync(
            InOrder.Connections, (db, token) => UpdateAsync(id, body, db, catalog, secrets, time, token), cancellationToken));

    private static async Task<ProviderView> UpdateAsync(
        string id, UpdateProvider body, PlatformDb db, ProviderCatalog catalog, ProviderSecrets secrets, TimeProvider time, CancellationToken cancellationToken)
    {
        var row = await db.Providers.SingleOrDefaultAsync(provider => provider.Id == id, cancellationToken) ?? throw new ApiException(ModelErrors.ProviderNotFound);
        var checks = new Checks();
        var name = body.Name is null ? row.Name : checks.Required("name", body.Name, NameLength);
        if (body.Type is not null && body.Type != row.Type)
        {
            checks.Add("type", "cannot be changed; make a new provider.");
        }

        if (checks.Document("config", body.Config) is { } sent)
        {
            var config = secrets.Complete(checks, "config", sent, row.Id, row.Config, row.Credentials);
            await CheckBackendsAsync(checks, row, config, db, cancellationToken);
            if (catalog.TryGet(row.Type, out var provider))
            {
                provider.Check(checks, "config", config);
            }

            checks.ThrowIfAny();
            (row.Config, row.Credentials) = secrets.Split(config, row.Id);
        }

        checks.ThrowIfAny();
        row.Name = name;
        row.UpdatedAt = time.GetStoredNow();
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.ProviderNameTaken);
        return View(row, secrets);
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(string id, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await db.Providers.SingleOrDefaultAsync(provider => provider.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(ModelErrors.ProviderNotFound);
        }

        db.Providers.Remove(row);
        await db.SaveOrThrowAsync(cancellationToken, referenced: ModelErrors.ProviderHasBackends);
        return TypedResults.NoContent();
    }

    /// <summary>A backend's own credentials were given for its provider's address: they must not be sent to another one.</summary>
    private static async Task CheckBackendsAsync(Checks checks, Provider row, JsonObject config, PlatformDb db, CancellationToken cancellationToken)
    {
        var backends = await db.Backends.AsNoTracking()
            .Where(backend => backend.ProviderId == row.Id && backend.Credentials != null)
            .Select(backend => new { backend.Id, backend.ConnectionConfig })
            .ToListAsync(cancellationToken);
        var before = ProviderSecrets.Parse(row.Config);
        foreach (var (moved, id) in backends
            .SelectMany(backend => ProviderSecrets.MovedUnder(ProviderSecrets.Parse(backend.ConnectionConfig), before, config), (backend, moved) => (moved, backend.Id))
            .DistinctBy(found => found.moved))
        {
            checks.Add($"config.{moved}", $"leads to another host, and backend {id} has credentials of its own for this one; give it its own {moved}, or take its credentials away first.");
        }
    }

    /// <summary>Runs the provider type's own validation, with the fields named as in the request.</summary>
    internal static void Check(this IProvider provider, Checks checks, string field, JsonObject config)
    {
        var mistakes = new List<ErrorDetail>();
        provider.Validate(config, mistakes);
        foreach (var mistake in mistakes)
        {
            checks.Add($"{field}.{mistake.Field}", mistake.Message);
        }
    }

    private static ProviderView View(Provider row, ProviderSecrets secrets) =>
        new(row.Id, row.Name, row.Type, secrets.Show(row.Config, row.Credentials, row.Id), row.CreatedAt, row.UpdatedAt);
}

/// <param name="Name">Unique.</param>
/// <param name="Type">The upstream's protocol.</param>
/// <param name="Config">The type's settings; secrets in it are masked when shown.</param>
public sealed record CreateProvider(string? Name, string? Type, JsonObject? Config = null);

/// <summary>
/// Omitted fields keep their values. <c>config</c> is replaced as a whole, except for omitted or masked secrets, which are kept, unless it leads to
/// another host.
/// </summary>
public sealed record UpdateProvider(string? Name = null, string? Type = null, JsonObject? Config = null);

internal sealed record ProviderView(string Id, string Name, string Type, JsonObject Config, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
