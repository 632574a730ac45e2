using System.Buffers;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes an error event inside a stream, in each surface's shape.</summary>
public static class StreamErrors
{
    public static void WriteNative(IBufferWriter<byte> body, Problem problem)
    {
        body.Write("event: error\ndata: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("code"u8, problem.Error.Code);
            writer.WriteString("message"u8, problem.Text);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    internal static void WriteOpenAi(IBufferWriter<byte> body, Problem problem)
    {
        body.Write("event: error\ndata: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            ErrorWriter.WriteOpenAi(writer, problem, problem.Error.Status);
        }

        body.Write("\n\n"u8);
    }
}
