using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Embeddings;

internal static class EmbeddingEndpoints
{
    public static void MapEmbeddings(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOperation<EmbeddingOperation>("/v1/inference/embed", Protocols.Native)
            .WithName("Embed").WithTags("Inference").WithSummary("Vectors of texts.")
            .Accepts<EmbedBody>("application/json").Produces<Envelope<EmbedData>>();
        endpoints.MapOperation<EmbeddingOperation>("/oai/v1/embeddings", Protocols.OpenAi)
            .WithName("CreateEmbeddings").WithTags("OpenAI").WithSummary("OpenAI's embeddings, for its client libraries.")
            .Accepts<EmbedBody>("application/json").Produces(StatusCodes.Status200OK, contentType: "application/json");
    }
}

/// <param name="Model">Slug of a frontend model whose modality is embedding.</param>
/// <param name="Input">A string or an array of at most 2048 strings; tokens as in OpenAI's API if the upstream accepts them.</param>
/// <param name="Dimensions">The length of the vectors, for models that can shorten them.</param>
/// <param name="EncodingFormat"><c>float</c> (the default) or <c>base64</c> of little-endian 32-bit floats.</param>
/// <param name="User">The end user, for the upstream's abuse detection.</param>
public sealed record EmbedBody(string Model, JsonElement Input, int? Dimensions = null, string? EncodingFormat = null, string? User = null);

/// <summary>The <c>data</c> of an answer.</summary>
public sealed record EmbedData(string Model, IReadOnlyList<EmbedDataVector> Data, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Index">The position of the input.</param>
/// <param name="Embedding">The vector.</param>
public sealed record EmbedDataVector(int Index, IReadOnlyList<float> Embedding);
