using System.Text.Json;
using System.Text.Json.Serialization;

namespace ScaiGrid.Core.Http;

/// <summary>A field that can be cleared: distinguishes <c>null</c> (clear it) from a field that was not sent (keep the stored value).</summary>
/// <typeparam name="T">The field's type; a nullable one for value types.</typeparam>
[JsonConverter(typeof(OptionalConverterFactory))]
public readonly struct Optional<T>(T? value)
{
    public bool IsGiven { get; } = true;

    public T? Value { get; } = value;

    public T? Or(T? stored) => IsGiven ? Value : stored;
}

internal sealed class OptionalConverterFactory : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Optional<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(OptionalConverter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;
}

internal sealed class OptionalConverter<T> : JsonConverter<Optional<T>>
{
    // Uses the inner type's converter, so that an error has the field's own path.
    public override Optional<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null
            ? new Optional<T>(default)
            : new Optional<T>(((JsonConverter<T>)options.GetConverter(typeof(T))).Read(ref reader, typeof(T), options));

    public override void Write(Utf8JsonWriter writer, Optional<T> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value.Value, options);
}
