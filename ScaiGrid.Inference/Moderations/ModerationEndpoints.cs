using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Moderations;

internal static class ModerationEndpoints
{
    public static void MapModerations(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOperation<ModerationOperation>("/oai/v1/moderations", Protocols.OpenAi)
            .WithName("CreateModeration").WithTags("OpenAI").WithSummary("OpenAI's moderations, for its client libraries.")
            .Accepts<ModerationBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }
}

/// <param name="Model">Slug of a frontend model for moderation.</param>
/// <param name="Input">A string, an array of strings, or parts as in OpenAI's API.</param>
public sealed record ModerationBody(string Model, JsonElement Input);
