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
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Frontend models. Read from the database instead of the snapshot, so that a new model is visible at once on every replica, with all fields.
/// </summary>
internal static class ModelEndpoints
{
    private const int NameLength = 200;
    private const int DescriptionLength = 4000;
    private const int TemplateLength = 100_000;
    private const int MaxTokens = 1_000_000_000;

    // Fields that define what a call is: a default would change its meaning.
    private static readonly string[] NoDefaults = ["model", "messages", "stream", "stream_options"];

    public static void MapModels(this IEndpointRouteBuilder group)
    {
        group.MapGet("/models", List).RequirePermission(Permissions.ListModels)
            .WithName("ListModels").WithSummary("The models that the caller may see, newest first.");
        group.MapPost("/models", Create).RequirePermission(Permissions.ManageModels).Audited("model.create", "model")
            .WithName("CreateModel").WithSummary("Adds a model.");
        group.MapGet("/models/{**model}", Get).RequirePermission(Permissions.ListModels)
            .WithName("GetModel").WithSummary("One model, by slug or id.");
        group.MapPut("/models/{model}", Update).RequirePermission(Permissions.ManageModels).Audited("model.update", "model")
            .WithName("UpdateModel").WithSummary("Changes what is given.");
        group.MapDelete("/models/{model}", Delete).RequirePermission(Permissions.ManageModels).Audited("model.delete", "model")
            .WithName("DeleteModel").WithSummary("Removes a model that is not mapped to backends.");
        group.MapPost("/models/{model}/avatar", AvatarHandlers.Put).RequirePermission(Permissions.ManageModels).Audited("model.avatar", "model")
            .WithName("PutModelAvatar").WithSummary("Sets the model's picture: PNG, JPEG, GIF or WebP, at most 256 KiB, as the body or as a form's file.");
        group.MapGet("/models/{model}/avatar", AvatarHandlers.Get).AllowAnonymous()
            .WithName("GetModelAvatar").WithSummary("The model's picture, for everybody.");
        group.MapDelete("/models/{model}/avatar", AvatarHandlers.Delete).RequirePermission(Permissions.ManageModels).Audited("model.avatar_delete", "model")
            .WithName("DeleteModelAvatar").WithSummary("Takes the model's picture away.");
        group.MapGet("/models/{model}/routing", RoutingHandlers.Get).RequirePermission(Permissions.ViewRouting)
            .WithName("GetRouting").WithSummary("Which backends serve the model.");
        group.MapPut("/models/{model}/routing", RoutingHandlers.Put).RequirePermission(Permissions.ManageRouting).Audited("model.routing_update", "model")
            .WithName("PutRouting").WithSummary("Replaces which backends serve the model.");
    }

    private static async Task<Ok<PageEnvelope<ModelView>>> List(
        [AsParameters] PageQuery page, string? modality, string? status, Caller caller, PlatformDb db, BackendPool pool, SnapshotStore snapshots, CancellationToken cancellationToken)
    {
        var (limit, after) = (page.Take(), page.After(Ids.Model));
        var checks = new Checks();
        Modality(checks, modality, "");
        Status(checks, status, "");
        checks.ThrowIfAny();

        var models = db.Models.AsNoTracking().VisibleTo(caller).EnabledFor(caller, snapshots)
            .Where(model => after == null || string.Compare(model.Id, after) < 0)
            .Where(model => modality == null || model.Modality == modality)
            .Where(model => status == null || model.Status == status)
            .OrderByDescending(model => model.Id)
            .Take(limit + 1);
        var rows = await WithBackends(models, db).ToListAsync(cancellationToken);
        return rows.ConvertAll(row => row.View(caller, pool)).ToPage(limit, view => view.Id);
    }

    private static async Task<Results<Ok<Envelope<ModelView>>, ProblemResult>> Get(
        string model, Caller caller, PlatformDb db, BackendPool pool, SnapshotStore snapshots, CancellationToken cancellationToken)
    {
        var row = await WithBackends(db.Models.AsNoTracking().VisibleTo(caller).Named(model), db).SingleOrDefaultAsync(cancellationToken);
        return row is null ? Reply.Problem(InferenceErrors.ModelNotFound)
            : !caller.IsSuperAdmin && snapshots.Current.FindModel(row.Model.Slug, caller) is { } route && !route.IsEnabledFor(caller) ? Reply.Problem(InferenceErrors.ModelAccessDenied)
            : Reply.Ok(row.View(caller, pool));
    }

    private static async Task<Created<Envelope<ModelView>>> Create(
        CreateModel body, Caller caller, PlatformDb db, BackendPool pool, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var (slug, partnerId, tenantId) = await ModelSlug.ReadAsync(checks, body.Slug, caller, db, cancellationToken);
        var now = time.GetStoredNow();
        var row = new Model
        {
            Id = Ids.New(Ids.Model, time),
            Slug = slug,
            PartnerId = partnerId,
            TenantId = tenantId,
            DisplayName = string.IsNullOrWhiteSpace(body.DisplayName) ? slug : checks.Text("display_name", body.DisplayName, NameLength)!,
            Description = checks.Prose("description", body.Description, DescriptionLength) ?? "",
            Modality = Modality(checks, body.Modality, "chat"),
            Capabilities = JsonSerializer.Serialize(checks.Words("capabilities", body.Capabilities) ?? []),
            ContextWindow = checks.Between("context_window", body.ContextWindow, 1, MaxTokens) ?? 0,
            MaxOutputTokens = checks.Between("max_output_tokens", body.MaxOutputTokens, 1, MaxTokens),
            InputPricePerMtok = checks.Price("input_price_per_mtok", body.InputPricePerMtok, otherwise: 0),
            OutputPricePerMtok = checks.Price("output_price_per_mtok", body.OutputPricePerMtok, otherwise: 0),
            ImagePrice = checks.Price("image_price", body.ImagePrice, otherwise: 0),
            AudioPricePerMinute = checks.Price("audio_price_per_minute", body.AudioPricePerMinute, otherwise: 0),
            CachedInputPricePerMtok = CachedPrice(checks, body.CachedInputPricePerMtok),
            DefaultParams = DefaultParams(checks, body.Modality ?? "chat", body.DefaultParams)?.ToJsonString() ?? "{}",
            SystemPromptTemplate = Template(checks, body.SystemPromptTemplate),
            Status = Status(checks, body.Status, ModelStatus.Active),
            Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? "{}",
            DefaultAccess = checks.OneOf("default_access", body.DefaultAccess, ModelAccessWords.Allow, ModelAccessWords.Allow, ModelAccessWords.Block),
            DeprecatedAt = checks.Time("deprecated_at", body.DeprecatedAt),
            SunsetAt = checks.Time("sunset_at", body.SunsetAt),
            CreatedAt = now,
            UpdatedAt = now,
        };
        CheckDates(checks, row, time);
        CheckWindow(checks, row);
        checks.ThrowIfAny();
        db.Models.Add(row);
        db.ModelPrices.Add(ModelPrice.Of(row, now));
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.SlugConflict);
        return Reply.Created($"/v1/models/{row.Id}", new ModelRow(row, []).View(caller, pool));
    }

    private static async Task<Results<Ok<Envelope<ModelView>>, ProblemResult>> Update(
        string model, UpdateModel body, Caller caller, PlatformDb db, BackendPool pool, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await db.Models.ManagedBy(caller).Named(model).SingleOrDefaultAsync(cancellationToken) is not { } row)
        {
            return Reply.Problem(InferenceErrors.ModelNotFound);
        }

        var checks = new Checks();
        if (body.Slug is not null && body.Slug != row.Slug)
        {
            checks.Add("slug", "cannot be changed: callers use it as the model's name.");
        }

        var (modality, status) = (row.Modality, row.Status);
        row.DisplayName = body.DisplayName is null ? row.DisplayName : checks.Required("display_name", body.DisplayName, NameLength);
        row.Description = checks.Prose("description", body.Description, DescriptionLength) ?? row.Description;
        row.Modality = Modality(checks, body.Modality, row.Modality);
        row.Capabilities = checks.Words("capabilities", body.Capabilities) is { } words ? JsonSerializer.Serialize(words) : row.Capabilities;
        var limits = (row.ContextWindow, row.MaxOutputTokens);
        row.ContextWindow = checks.Between("context_window", body.ContextWindow.Value, 1, MaxTokens) ?? (body.ContextWindow.IsGiven ? 0 : row.ContextWindow);
        row.MaxOutputTokens = checks.Between("max_output_tokens", body.MaxOutputTokens.Or(row.MaxOutputTokens), 1, MaxTokens);
        var prices = Prices(row);
        row.InputPricePerMtok = checks.Price("input_price_per_mtok", body.InputPricePerMtok, row.InputPricePerMtok);
        row.OutputPricePerMtok = checks.Price("output_price_per_mtok", body.OutputPricePerMtok, row.OutputPricePerMtok);
        row.ImagePrice = checks.Price("image_price", body.ImagePrice, row.ImagePrice);
        row.AudioPricePerMinute = checks.Price("audio_price_per_minute", body.AudioPricePerMinute, row.AudioPricePerMinute);
        row.CachedInputPricePerMtok = body.CachedInputPricePerMtok.IsGiven ? CachedPrice(checks, body.CachedInputPricePerMtok.Value) : row.CachedInputPricePerMtok;

        // Which defaults are valid depends on the modality.
        var defaults = body.DefaultParams ?? (row.Modality == modality ? null : JsonNode.Parse(row.DefaultParams) as JsonObject);
        row.DefaultParams = DefaultParams(checks, row.Modality, defaults)?.ToJsonString() ?? row.DefaultParams;
        row.SystemPromptTemplate = body.SystemPromptTemplate.IsGiven ? Template(checks, body.SystemPromptTemplate.Value) : row.SystemPromptTemplate;
        row.Status = Status(checks, body.Status, row.Status);
        row.Metadata = checks.Document("metadata", body.Metadata)?.ToJsonString() ?? row.Metadata;
        row.DefaultAccess = checks.OneOf("default_access", body.DefaultAccess, row.DefaultAccess, ModelAccessWords.Allow, ModelAccessWords.Block);
        row.DeprecatedAt = body.DeprecatedAt.IsGiven ? checks.Time("deprecated_at", body.DeprecatedAt.Value)
            : status == ModelStatus.Deprecated && row.Status == ModelStatus.Active ? null
            : row.DeprecatedAt;
        row.SunsetAt = body.SunsetAt.IsGiven ? checks.Time("sunset_at", body.SunsetAt.Value) : row.SunsetAt;
        CheckDates(checks, row, time);
        if (limits != (row.ContextWindow, row.MaxOutputTokens))
        {
            // Only if changed: earlier imports stored larger limits, and some clients send back everything they have read.
            CheckWindow(checks, row);
        }

        checks.ThrowIfAny();
        row.UpdatedAt = time.GetStoredNow();
        if (prices != Prices(row))
        {
            row.PriceVersion++;
            db.ModelPrices.Add(ModelPrice.Of(row, row.UpdatedAt));
        }

        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.PricesChanged);
        return Reply.Ok((await WithBackends(db.Models.AsNoTracking().Where(saved => saved.Id == row.Id), db).SingleAsync(cancellationToken)).View(caller, pool));
    }

    private static Task<NoContent> Delete(string model, Caller caller, IDbContextFactory<PlatformDb> databases, CancellationToken cancellationToken) =>
        databases.InOrderAsync(
            InOrder.Models,
            async (db, token) =>
            {
                var row = await db.Models.ManagedBy(caller).Named(model).SingleOrDefaultAsync(token) ?? throw new ApiException(InferenceErrors.ModelNotFound);
                if (await db.RoutingTargets.AnyAsync(target => target.ModelId == row.Id, token))
                {
                    throw new ApiException(ModelErrors.ModelIsMapped);
                }

                db.Models.Remove(row);
                return TypedResults.NoContent();
            },
            cancellationToken);

    private static IQueryable<ModelRow> WithBackends(IQueryable<Model> models, PlatformDb db) => models.Select(model => new ModelRow(
        model,
        db.RoutingTargets.Where(target => target.ModelId == model.Id).Select(target => target.BackendId).ToList()));

    private static string Modality(Checks checks, string? modality, string otherwise) =>
        checks.OneOf("modality", modality, otherwise, "chat", "embedding", "image", "audio");

    private static string Status(Checks checks, string? status, string otherwise) =>
        checks.OneOf("status", status, otherwise, ModelStatus.Active, ModelStatus.Deprecated);

    private static JsonObject? DefaultParams(Checks checks, string modality, JsonObject? value)
    {
        foreach (var name in NoDefaults.Where(name => value?.ContainsKey(name) is true))
        {
            checks.Add($"default_params.{name}", "can only be set by the caller.");
        }

        foreach (var mistake in value is null ? [] : DefaultFields.Check(modality, value))
        {
            checks.Add($"default_params.{mistake.Field}", mistake.Message);
        }

        return checks.Document("default_params", value);
    }

    private static (long, long, long?, long, long) Prices(Model row) =>
        (row.InputPricePerMtok, row.OutputPricePerMtok, row.CachedInputPricePerMtok, row.ImagePrice, row.AudioPricePerMinute);

    private static long? CachedPrice(Checks checks, string? price) =>
        price is null ? null : checks.Price("cached_input_price_per_mtok", price, otherwise: 0);

    private static string? Template(Checks checks, string? text)
    {
        foreach (var name in text is null ? [] : PromptTemplate.Unknown(text))
        {
            checks.Add("system_prompt_template", $"has no variable {name}; there are {string.Join(", ", PromptTemplate.Variables.Keys.Order(StringComparer.Ordinal))}.");
        }

        return checks.Prose("system_prompt_template", text, TemplateLength);
    }

    private static void CheckDates(Checks checks, Model row, TimeProvider time)
    {
        if (row.Status == ModelStatus.Deprecated)
        {
            row.DeprecatedAt ??= time.GetStoredNow();
        }

        if (row.SunsetAt < row.DeprecatedAt)
        {
            checks.Add("sunset_at", "must not be before deprecated_at.");
        }
    }

    private static void CheckWindow(Checks checks, Model row)
    {
        if (row.ContextWindow > 0 && row.MaxOutputTokens > row.ContextWindow)
        {
            checks.Add("max_output_tokens", "must not be more than context_window.");
        }
    }
}
