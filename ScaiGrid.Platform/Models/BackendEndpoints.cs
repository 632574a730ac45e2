using System.Security.Cryptography;
using System.Text.Json;
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
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Deployments of upstream models. Callers who may see routing see those of models visible to them; only callers who manage models see how they
/// are connected.
/// </summary>
internal static class BackendEndpoints
{
    private const int NameLength = 200;

    public static void MapBackends(this IEndpointRouteBuilder group)
    {
        group.MapGet("/backends", List).RequirePermission(Permissions.ViewRouting)
            .WithName("ListBackends").WithSummary("The deployments behind the models that the caller may see, newest first.");
        group.MapPost("/backends", Create).RequirePermission(Permissions.ManageModels).Audited("backend.create", "backend")
            .WithName("CreateBackend").WithSummary("Adds a deployment of an upstream model.");
        group.MapGet("/backends/{id}", Get).RequirePermission(Permissions.ViewRouting)
            .WithName("GetBackend").WithSummary("One deployment.");
        group.MapPut("/backends/{id}", Update).RequirePermission(Permissions.ManageModels).Audited("backend.update", "backend")
            .WithName("UpdateBackend").WithSummary("Changes what is given; a masked credential means the stored one.");
        group.MapDelete("/backends/{id}", Delete).RequirePermission(Permissions.ManageModels).Audited("backend.delete", "backend")
            .WithName("DeleteBackend").WithSummary("Removes a deployment and its places in models' routing.");
        group.MapGet("/backends/{id}/health", BackendHealthHandlers.Get).RequirePermission(Permissions.ViewRouting)
            .WithName("GetBackendHealth").WithSummary("Whether calls go to the deployment, and how they went lately.");
        group.MapPost("/backends/{id}/probe", BackendHealthHandlers.Probe).RequirePermission(Permissions.ManageRouting).Audited("backend.probe", "backend")
            .WithName("ProbeBackend").WithSummary("Asks the upstream now whether it is there; if it is, calls go to it again.");
    }

    private static async Task<Ok<PageEnvelope<BackendView>>> List(
        [AsParameters] PageQuery query, Caller caller, PlatformDb db, ProviderSecrets secrets, BackendPool pool, CancellationToken cancellationToken)
    {
        var page = await db.Backends.AsNoTracking().VisibleTo(db, caller).NewestAsync(query, Ids.Backend, backend => backend.Id, cancellationToken);
        return page.As(row => View(row, caller, secrets, pool));
    }

    private static async Task<Created<Envelope<BackendView>>> Create(
        CreateBackend body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        ProviderCatalog catalog,
        ProviderSecrets secrets,
        BackendPool pool,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var row = await databases.InOrderAsync(InOrder.Connections, (db, token) => CreateAsync(body, db, catalog, secrets, time, token), cancellationToken);
        return Reply.Created($"/v1/backends/{row.Id}", View(row, caller, secrets, pool));
    }

    private static async Task<Backend> CreateAsync(
        CreateBackend body, PlatformDb db, ProviderCatalog catalog, ProviderSecrets secrets, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var id = Ids.New(Ids.Backend, time);
        var model = checks.Required("model", body.Model, 200);
        var name = string.IsNullOrWhiteSpace(body.Name) ? model : checks.Text("name", body.Name, NameLength)!;
        var status = Status(checks, body.Status, BackendStatus.Active);
        var capabilities = checks.Words("capabilities", body.Capabilities) ?? [];
        var inputPrice = checks.Price("input_price_per_mtok", body.InputPricePerMtok, otherwise: 0);
        var outputPrice = checks.Price("output_price_per_mtok", body.OutputPricePerMtok, otherwise: 0);
        var imagePrice = checks.Price("image_price", body.ImagePrice, otherwise: 0);
        var audioPrice = checks.Price("audio_price_per_minute", body.AudioPricePerMinute, otherwise: 0);
        var provider = await FindProviderAsync(checks, body.ProviderId, db, cancellationToken);
        var sent = checks.Document("connection_config", body.ConnectionConfig) ?? [];
        var config = ProviderSecrets.Complete(checks, "connection_config", sent);
        CheckMerged(checks, provider, "{}", sent, config, catalog, secrets);
        checks.ThrowIfAny();

        var (readable, credentials) = secrets.Split(config, id);
        var now = time.GetStoredNow();
        var row = new Backend
        {
            Id = id,
            ProviderId = provider!.Id,
            Name = name,
            Model = model,
            Uri = $"{provider.Type}:{model}",
            ConnectionConfig = readable,
            Credentials = credentials,
            Capabilities = JsonSerializer.Serialize(capabilities),
            InputPricePerMtok = inputPrice,
            OutputPricePerMtok = outputPrice,
            ImagePrice = imagePrice,
            AudioPricePerMinute = audioPrice,
            Status = status,
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Backends.Add(row);
        await db.SaveOrThrowAsync(cancellationToken, referenced: ModelErrors.ProviderNotFound);
        return row;
    }

    private static async Task<Results<Ok<Envelope<BackendView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, ProviderSecrets secrets, BackendPool pool, CancellationToken cancellationToken)
    {
        var row = await db.Backends.AsNoTracking().VisibleTo(db, caller).SingleOrDefaultAsync(backend => backend.Id == id, cancellationToken);
        return row is null ? Reply.Problem(ModelErrors.BackendNotFound) : Reply.Ok(View(row, caller, secrets, pool));
    }

    private static async Task<Ok<Envelope<BackendView>>> Update(
        string id,
        UpdateBackend body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        ProviderCatalog catalog,
        ProviderSecrets secrets,
        BackendPool pool,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var row = await databases.InOrderAsync(InOrder.Connections, (db, token) => UpdateAsync(id, body, db, catalog, secrets, time, token), cancellationToken);
        return Reply.Ok(View(row, caller, secrets, pool));
    }

    private static async Task<Backend> UpdateAsync(
        string id, UpdateBackend body, PlatformDb db, ProviderCatalog catalog, ProviderSecrets secrets, TimeProvider time, CancellationToken cancellationToken)
    {
        var row = await db.Backends.SingleOrDefaultAsync(backend => backend.Id == id, cancellationToken) ?? throw new ApiException(ModelErrors.BackendNotFound);
        var checks = new Checks();
        row.Name = body.Name is null ? row.Name : checks.Required("name", body.Name, NameLength);
        row.Status = Status(checks, body.Status, row.Status);
        row.InputPricePerMtok = checks.Price("input_price_per_mtok", body.InputPricePerMtok, row.InputPricePerMtok);
        row.OutputPricePerMtok = checks.Price("output_price_per_mtok", body.OutputPricePerMtok, row.OutputPricePerMtok);
        row.ImagePrice = checks.Price("image_price", body.ImagePrice, row.ImagePrice);
        row.AudioPricePerMinute = checks.Price("audio_price_per_minute", body.AudioPricePerMinute, row.AudioPricePerMinute);
        row.Capabilities = checks.Words("capabilities", body.Capabilities) is { } capabilities ? JsonSerializer.Serialize(capabilities) : row.Capabilities;
        if (body.ProviderId is not null && body.ProviderId != row.ProviderId)
        {
            checks.Add("provider_id", "cannot be changed; make a new backend.");
        }

        if (body.Model is not null)
        {
            row.Model = checks.Required("model", body.Model, 200);
            row.Uri = $"{row.Uri.Split(':', 2)[0]}:{row.Model}";
        }

        if (checks.Document("connection_config", body.ConnectionConfig) is { } sent)
        {
            var config = secrets.Complete(checks, "connection_config", sent, row.Id, row.ConnectionConfig, row.Credentials);
            var provider = await FindProviderAsync(checks, row.ProviderId, db, cancellationToken);
            CheckMerged(checks, provider, row.ConnectionConfig, sent, config, catalog, secrets);
            checks.ThrowIfAny();
            (row.ConnectionConfig, row.Credentials) = secrets.Split(config, row.Id);
        }

        checks.ThrowIfAny();
        row.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return row;
    }

    /// <summary>Also removes it from models' routing.</summary>
    private static async Task<Results<NoContent, ProblemResult>> Delete(string id, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await db.Backends.SingleOrDefaultAsync(backend => backend.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(ModelErrors.BackendNotFound);
        }

        db.Backends.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static string Status(Checks checks, string? status, string otherwise) =>
        checks.OneOf("status", status, otherwise, BackendStatus.Active, BackendStatus.Disabled);

    private static async Task<Provider?> FindProviderAsync(Checks checks, string? id, PlatformDb db, CancellationToken cancellationToken)
    {
        if (checks.Required("provider_id", id, Ids.MaxLength) is not { Length: > 0 } providerId)
        {
            return null;
        }

        var provider = await db.Providers.AsNoTracking().SingleOrDefaultAsync(row => row.Id == providerId, cancellationToken);
        if (provider is null)
        {
            checks.Add("provider_id", "is not a provider.");
        }

        return provider;
    }

    /// <summary>Validates a backend's configuration merged with its provider's, which is what it is connected with.</summary>
    private static void CheckMerged(
        Checks checks, Provider? provider, string before, JsonObject sent, JsonObject config, ProviderCatalog catalog, ProviderSecrets secrets)
    {
        if (provider is null || !catalog.TryGet(provider.Type, out var type))
        {
            return;
        }

        secrets.CheckOwn(checks, "connection_config", provider, before, sent, config);
        try
        {
            type.Check(checks, "connection_config", secrets.Merged(provider, config));
        }
        catch (CryptographicException)
        {
            checks.Add("provider_id", "has credentials that can no longer be opened; enter them again.");
        }
    }

    private static BackendView View(Backend row, Caller caller, ProviderSecrets secrets, BackendPool pool) => new(
        row.Id,
        row.Name,
        row.ProviderId,
        row.Model,
        row.Uri,
        caller.Has(Permissions.ManageModels) ? secrets.Show(row.ConnectionConfig, row.Credentials, row.Id) : null,
        JsonSerializer.Deserialize<string[]>(row.Capabilities) ?? [],
        Money.Format(row.InputPricePerMtok),
        Money.Format(row.OutputPricePerMtok),
        Money.Format(row.ImagePrice),
        Money.Format(row.AudioPricePerMinute),
        row.Status,
        pool.Find(row.Id) is { } backend ? ModelHealth.Of(backend.Health) : ModelHealth.Unavailable,
        row.CreatedAt,
        row.UpdatedAt);
}
