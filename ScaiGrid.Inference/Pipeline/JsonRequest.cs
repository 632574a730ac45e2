using System.Text.Json;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The request of an operation that takes one JSON object: the caller's bytes, and the position of each field in them. Upstream bodies of the
/// same wire format are built from the same bytes (<see cref="Rewrite"/>).
/// </summary>
public sealed class JsonRequest(PooledBytes body) : IDisposable
{
    private readonly List<Field> _fields = [];

    /// <summary>The requested slug.</summary>
    public string Model { get; internal set; } = "";

    /// <summary>The raw value of a field; empty if it is absent or null.</summary>
    public ReadOnlyMemory<byte> this[string name]
    {
        get
        {
            foreach (var one in _fields)
            {
                if (one.Name == name)
                {
                    return body.Memory.Slice(one.Value.Start, one.Value.Length);
                }
            }

            return default;
        }
    }

    /// <summary>The fields with a value other than null, in the caller's order.</summary>
    public IEnumerable<KeyValuePair<string, ReadOnlyMemory<byte>>> Fields =>
        _fields.Select(one => KeyValuePair.Create(one.Name, body.Memory.Slice(one.Value.Start, one.Value.Length)));

    /// <summary>True if the field is present and not null.</summary>
    public bool Has(string name) => !this[name].IsEmpty;

    /// <summary>The raw value of a field, or the frontend model's default for it; empty if there is neither.</summary>
    public ReadOnlyMemory<byte> Value(string name, ModelRoute? defaults)
    {
        var value = this[name];
        return value.IsEmpty && defaults?.DefaultParams?[name] is { } otherwise ? System.Text.Encoding.UTF8.GetBytes(otherwise.ToJsonString()) : value;
    }

    /// <summary>A field's text (<see cref="JsonText"/>), or its default; null if neither is a string.</summary>
    public string? Text(string name, ModelRoute? defaults = null)
    {
        var value = Value(name, defaults);
        if (value.IsEmpty || value.Span[0] != (byte)'"')
        {
            return null;
        }

        using var document = JsonDocument.Parse(value);
        return JsonText.Of(document.RootElement);
    }

    /// <summary>A field's integer, or its default; null if neither is an integer.</summary>
    public long? WholeNumber(string name, ModelRoute? defaults = null)
    {
        var value = Value(name, defaults).Span;
        return System.Buffers.Text.Utf8Parser.TryParse(value, out long number, out var used) && used == value.Length ? number : null;
    }

    /// <summary>Whether the field is <c>true</c>.</summary>
    public bool IsTrue(string name) => this[name].Span.SequenceEqual("true"u8);

    /// <summary>The number of pieces that a blocking budget relies on, which no field may exceed; null without such a budget.</summary>
    internal OutputBounds? Bounds { get; set; }

    internal void Add(string name, JsonSpan value) => _fields.Add(new Field(name, value));

    /// <summary>Builds the body for an upstream of the same wire format: replaces the model's name and adds the frontend model's defaults.</summary>
    /// <param name="route">The model whose defaults are used.</param>
    /// <param name="upstreamModelJson">The upstream's model name, as a JSON string.</param>
    /// <param name="changes">Fields with a new raw value; an empty value removes the field.</param>
    public PooledBytes Rewrite(ModelRoute route, ReadOnlySpan<byte> upstreamModelJson, params ReadOnlySpan<KeyValuePair<string, byte[]>> changes)
    {
        var result = new PooledBytes(body.Length + 256);
        result.Append("{\"model\":"u8);
        result.Append(upstreamModelJson);
        foreach (var one in _fields)
        {
            if (one.Name != "model" && !IsChanged(one.Name, changes))
            {
                Append(result, one.Name, Bounded(one.Name, body.Span.Slice(one.Value.Start, one.Value.Length)));
            }
        }

        foreach (var (name, value) in changes)
        {
            if (value.Length > 0)
            {
                Append(result, name, value);
            }
        }

        foreach (var (name, value) in route.DefaultParams ?? [])
        {
            if (value is not null && !Has(name) && !IsChanged(name, changes))
            {
                Append(result, name, Bounded(name, System.Text.Encoding.UTF8.GetBytes(value.ToJsonString())));
            }
        }

        result.Append("}"u8);
        return result;
    }

    public void Dispose() => body.Dispose();

    private ReadOnlySpan<byte> Bounded(string name, ReadOnlySpan<byte> value) =>
        Bounds is { } bounds && OtherBounds.TryFind(name, out var kind) && kind == BoundKind.Choices && bounds.Instead(kind, value) is { } instead
            ? System.Text.Encoding.UTF8.GetBytes(instead)
            : value;

    private static bool IsChanged(string name, ReadOnlySpan<KeyValuePair<string, byte[]>> changes)
    {
        foreach (var (changed, _) in changes)
        {
            if (changed == name)
            {
                return true;
            }
        }

        return false;
    }

    private static void Append(PooledBytes result, string name, ReadOnlySpan<byte> value)
    {
        result.Append(","u8);
        result.Append(JsonSerializer.SerializeToUtf8Bytes(name, CanonicalJson.Default.String));
        result.Append(":"u8);
        result.Append(value);
    }

    private readonly record struct Field(string Name, JsonSpan Value);
}
