using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Moderations: OpenAI's, except that results have no overall <c>flagged</c>.</summary>
internal sealed class MistralModerations(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private static readonly KnownFields Fields = new("input", "metadata");

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = Fields.Write(request, route, model);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        return reply.Document is { } document ? DocumentTranslation.Translate(document, Translate) : reply;
    }

    private static void Translate(Utf8JsonWriter writer, JsonElement answer)
    {
        answer.CopyTo(writer, "usage"u8);
        writer.WriteStartArray("results"u8);
        foreach (var item in answer.GetProperty("results"u8).EnumerateArray())
        {
            writer.WriteStartObject();
            writer.WriteBoolean("flagged"u8, item.GetProperty("categories"u8).EnumerateObject().Any(category => category.Value.ValueKind == JsonValueKind.True));
            item.CopyTo(writer, "categories"u8);
            item.CopyTo(writer, "category_scores"u8);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
