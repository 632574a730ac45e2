using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>The fields of an operation at an upstream that refuses any other: what is not among them is left out.</summary>
/// <param name="fields">Besides <c>model</c>. Where two names become one, the first that has a value.</param>
internal sealed class KnownFields(params KnownField[] fields)
{
    /// <summary>Writes the upstream's body: the caller's values, else the frontend model's defaults.</summary>
    public PooledBytes Write(JsonRequest request, ModelRoute route, string model)
    {
        var body = new PooledBytes(1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        WriteFields(writer, request, route);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    /// <summary>Writes the fields alone, where an object's properties are expected.</summary>
    public void WriteFields(System.Text.Json.Utf8JsonWriter writer, JsonRequest request, ModelRoute route)
    {
        var written = new HashSet<string>();
        foreach (var (name, theirs) in fields)
        {
            var value = request.Value(name, route);
            if (!value.IsEmpty && written.Add(theirs))
            {
                writer.WriteRaw(Encoding.UTF8.GetBytes(theirs), value.Span);
            }
        }
    }
}

/// <param name="Name">Ours.</param>
/// <param name="Theirs">The upstream's.</param>
internal readonly record struct KnownField(string Name, string Theirs)
{
    public static implicit operator KnownField(string name) => new(name, name);

    public static implicit operator KnownField((string Name, string Theirs) pair) => new(pair.Name, pair.Theirs);
}
