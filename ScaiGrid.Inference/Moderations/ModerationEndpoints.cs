using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Moderations;

internal static class ModerationEndpoints
{
    public static void MapModerations(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/oai/v1/moderations", Create).RequirePermission(Permissions.UseModels)
            .WithName("CreateModeration").WithTags("OpenAI").WithSummary("OpenAI's moderations, for its client libraries.")
            .Accepts<ModerationBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }

    private static Task Create(HttpContext context, ModerationOperation operation, TimeProvider time) =>
        JsonOperationHandler.RunAsync(context, operation, Protocols.OpenAi, time);
}

/// <param name="Model">Slug of a frontend model that moderates.</param>
/// <param name="Input">A string, an array of strings, or parts as in OpenAI's API.</param>
public sealed record ModerationBody(string Model, JsonElement Input);
