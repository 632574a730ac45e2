using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Images;

internal static class ImageEndpoints
{
    public static void MapImages(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOperation<ImageOperation>("/v1/inference/images/generate", Protocols.Native)
            .WithName("GenerateImages").WithTags("Inference").WithSummary("Pictures from a prompt; links work for an hour.")
            .Accepts<ImageBody>("application/json").Produces<Envelope<ImageData>>();
        endpoints.MapOperation<ImageOperation>("/oai/v1/images/generations", Protocols.OpenAi)
            .WithName("CreateImage").WithTags("OpenAI").WithSummary("OpenAI's image generation, for its client libraries.")
            .Accepts<ImageBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }
}

/// <param name="Model">Slug of a frontend model whose modality is image.</param>
/// <param name="Prompt">A description of the image.</param>
/// <param name="N">The number of images, 1 to 10.</param>
/// <param name="Size">For example <c>1024x1024</c>.</param>
/// <param name="Quality">A quality that the upstream supports.</param>
/// <param name="Style">A style that the upstream supports.</param>
/// <param name="ResponseFormat"><c>url</c> or <c>b64_json</c>.</param>
/// <param name="Metadata">The caller's own data.</param>
/// <param name="User">The end user, for the upstream's abuse detection.</param>
public sealed record ImageBody(
    string Model,
    string Prompt,
    int? N = null,
    string? Size = null,
    string? Quality = null,
    string? Style = null,
    string? ResponseFormat = null,
    JsonElement? Metadata = null,
    string? User = null);

/// <summary>The <c>data</c> of an answer.</summary>
public sealed record ImageData(string Model, long Created, IReadOnlyList<ImageDataPicture> Data, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Url">A link that works for an hour; null if <c>B64Json</c> is set.</param>
/// <param name="B64Json">The image as base64.</param>
/// <param name="RevisedPrompt">The model's revision of the prompt, if it reports one.</param>
public sealed record ImageDataPicture(string? Url = null, string? B64Json = null, string? RevisedPrompt = null);
