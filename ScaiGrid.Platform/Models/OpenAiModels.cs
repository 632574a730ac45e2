using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// The models in OpenAI's form, from the snapshot: exactly those that the same caller can call, with or without the database.
/// </summary>
internal static class OpenAiModels
{
    public static void MapOpenAiModels(this IEndpointRouteBuilder group)
    {
        group.MapGet("/models", List).RequireAnyPermission(Permissions.ListModels, Permissions.UseModels)
            .WithName("ListOpenAiModels").WithSummary("The models, in OpenAI's shape.");
        group.MapGet("/models/{**model}", Get).RequireAnyPermission(Permissions.ListModels, Permissions.UseModels)
            .WithName("GetOpenAiModel").WithSummary("One model, in OpenAI's shape.");
    }

    private static Ok<OpenAiModelList> List(Caller caller, SnapshotStore snapshots) => TypedResults.Ok(new OpenAiModelList(
        [
            .. snapshots.Current.Models.Values
                .Where(model => model.IsVisibleTo(caller) && model.IsEnabledFor(caller))
                .OrderBy(model => model.Slug, StringComparer.Ordinal)
                .Select(View),
        ]));

    private static Results<Ok<OpenAiModel>, ProblemResult> Get(string model, Caller caller, SnapshotStore snapshots) =>
        snapshots.Current.FindModel(ModelSlug.Decode(model), caller) switch
        {
            null => new ProblemResult(InferenceErrors.NoModel(ModelSlug.Decode(model), snapshots)),
            var found when !found.IsEnabledFor(caller) => Reply.Problem(InferenceErrors.ModelAccessDenied),
            var found => TypedResults.Ok(View(found)),
        };

    private static OpenAiModel View(ModelRoute model) =>
        new(model.Slug, model.CreatedAt.ToUnixTimeSeconds(), OwnerOf(model.Slug), model.ContextWindow, model.MaxOutputTokens);

    private static string OwnerOf(string slug) => slug.Split('/') switch
    {
        ["partner" or "tenant", var owner, _, ..] => owner,
        [var owner, _, ..] => owner,
        _ => "scaigrid",
    };
}

internal sealed record OpenAiModelList(IReadOnlyList<OpenAiModel> Data)
{
    [JsonPropertyOrder(-1)]
    public string Object { get; } = "list";
}

/// <param name="Id">The model's slug.</param>
/// <param name="Created">Unix seconds.</param>
/// <param name="OwnedBy">The first part of the slug; for a scoped model the partner or tenant.</param>
/// <param name="ContextWindow">In tokens.</param>
/// <param name="MaxOutputTokens">In tokens.</param>
internal sealed record OpenAiModel(string Id, long Created, string OwnedBy, int? ContextWindow, int? MaxOutputTokens)
{
    [JsonPropertyOrder(-1)]
    public string Object { get; } = "model";
}
