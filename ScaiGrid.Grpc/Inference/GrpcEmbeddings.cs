using System.Text.Json;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Grpc.Inference;

/// <summary>Writes a gRPC embedding request as the operation's JSON document, and reads the operation's answer.</summary>
internal static class GrpcEmbeddings
{
    public static PooledBytes Write(EmbedRequest request) => GrpcJson.Write(request.CalculateSize() + 256, writer =>
    {
        if (request.Model.Length > 0)
        {
            writer.WriteText("model"u8, request.Model);
        }

        writer.WriteStartArray("input"u8);
        foreach (var text in request.Input)
        {
            writer.WriteText(text);
        }

        writer.WriteEndArray();
        if (request.HasDimensions)
        {
            writer.WriteNumber("dimensions"u8, request.Dimensions);
        }
    });

    public static EmbedResponse Read(ReadOnlyMemory<byte> answer)
    {
        using var document = JsonDocument.Parse(answer);
        var data = document.RootElement.GetProperty("data"u8);
        var (usage, routing) = (data.GetProperty("usage"u8), data.GetProperty("routing"u8));
        var response = new EmbedResponse
        {
            Model = data.GetProperty("model"u8).GetString(),
            Usage = new Usage
            {
                PromptTokens = usage.GetProperty("prompt_tokens"u8).GetInt64(),
                TotalTokens = usage.GetProperty("total_tokens"u8).GetInt64(),
                CachedTokens = usage.GetProperty("cached_tokens"u8).GetInt64(),
            },
            Routing = new Routing
            {
                BackendId = routing.GetProperty("backend_id"u8).GetString(),
                Attempts = routing.GetProperty("attempts"u8).GetInt32(),
                LatencyMs = routing.GetProperty("latency_ms"u8).GetInt64(),
                GatewayMs = routing.GetProperty("gateway_ms"u8).GetDouble(),
            },
        };
        foreach (var item in data.GetProperty("data"u8).EnumerateArray())
        {
            var embedding = new Embedding { Index = item.GetProperty("index"u8).GetInt32() };
            embedding.Values.AddRange(item.GetProperty("embedding"u8).EnumerateArray().Select(value => value.GetSingle()));
            response.Data.Add(embedding);
        }

        return response;
    }
}
