using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>The fields of an operation at an upstream that rejects unknown ones: all others are omitted.</summary>
/// <param name="fields">The fields besides <c>model</c>. If two map to the same name, the first with a value is used.</param>
internal sealed class KnownFields(params KnownField[] fields)
{
    /// <summary>Writes the upstream's body: the caller's values, or else the frontend model's defaults.</summary>
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

    /// <summary>Writes only the fields, where an object's properties are expected.</summary>
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

/// <param name="Name">Our name.</param>
/// <param name="Theirs">The upstream's name.</param>
internal readonly record struct KnownField(string Name, string Theirs)
{
    public static implicit operator KnownField(string name) => new(name, name);

    public static implicit operator KnownField((string Name, string Theirs) pair) => new(pair.Name, pair.Theirs);
}
