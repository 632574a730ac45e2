using System.Buffers.Binary;
using System.Text.Json;

namespace ScaiGrid.Inference.Embeddings;

/// <summary>The <c>data</c> of an embedding answer: vectors as numbers, or as base64 of little-endian 32-bit floats.</summary>
internal static class EmbeddingVectors
{
    /// <param name="data">The upstream's list.</param>
    /// <param name="count">How many there must be.</param>
    /// <param name="asBase64">The encoding asked for.</param>
    /// <exception cref="JsonException">Not as many vectors as asked for, no vectors, or such as cannot be written in the encoding asked for.</exception>
    public static void Check(ReadOnlySpan<byte> data, int count, bool asBase64)
    {
        var reader = new Utf8JsonReader(data);
        reader.Read();
        var vectors = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            vectors += ReadItem(ref reader, out var vector, out _) ? 1 : throw new JsonException("An item has no vector.");
            var isBase64 = data[vector][0] == (byte)'"';
            if (isBase64 && !asBase64)
            {
                _ = Unpack(data[vector]);
            }
            else if (asBase64 && !isBase64)
            {
                _ = Pack(data[vector]);
            }
        }

        if (vectors != count)
        {
            throw new JsonException("There are not as many vectors as inputs.");
        }
    }

    /// <summary>Writes the list: as it is where the encoding is right, else each vector in the encoding asked for.</summary>
    /// <param name="writer">Where the list is expected.</param>
    /// <param name="data">The upstream's list.</param>
    /// <param name="asBase64">The encoding asked for.</param>
    /// <param name="withType">Whether each item says what it is, as OpenAI's do.</param>
    public static void Write(Utf8JsonWriter writer, ReadOnlyMemory<byte> data, bool asBase64, bool withType)
    {
        writer.WriteStartArray();
        var reader = new Utf8JsonReader(data.Span);
        reader.Read();
        for (var position = 0; reader.Read() && reader.TokenType == JsonTokenType.StartObject; position++)
        {
            ReadItem(ref reader, out var vector, out var index);
            writer.WriteStartObject();
            if (withType)
            {
                writer.WriteString("object"u8, "embedding"u8);
            }

            writer.WriteNumber("index"u8, index ?? position);
            writer.WritePropertyName("embedding"u8);
            var bytes = data.Span[vector];
            if (bytes[0] == (byte)'"' == asBase64)
            {
                writer.WriteRawValue(bytes, skipInputValidation: true);
            }
            else if (asBase64)
            {
                writer.WriteBase64StringValue(Pack(bytes));
            }
            else
            {
                WriteNumbers(writer, bytes);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static bool ReadItem(ref Utf8JsonReader reader, out Range vector, out int? index)
    {
        (vector, index) = (default, null);
        var found = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isVector, isIndex) = (reader.ValueTextEquals("embedding"u8), reader.ValueTextEquals("index"u8));
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            if (isIndex && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out var number))
            {
                index = number;
            }

            isVector &= reader.TokenType is JsonTokenType.String or JsonTokenType.StartArray;
            reader.Skip();
            if (isVector)
            {
                (vector, found) = (start..(int)reader.BytesConsumed, true);
            }
        }

        return found;
    }

    private static byte[] Pack(ReadOnlySpan<byte> numbers)
    {
        var floats = new List<float>(1536);
        var reader = new Utf8JsonReader(numbers);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var number = reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var given) ? (float)given : float.NaN;
            floats.Add(float.IsFinite(number) ? number : throw new JsonException("A vector has something else than numbers, or one that is too large."));
        }

        var bytes = new byte[floats.Count * sizeof(float)];
        for (var i = 0; i < floats.Count; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), floats[i]);
        }

        return bytes;
    }

    private static void WriteNumbers(Utf8JsonWriter writer, ReadOnlySpan<byte> base64)
    {
        writer.WriteStartArray();
        foreach (var number in Unpack(base64))
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }

    private static float[] Unpack(ReadOnlySpan<byte> base64)
    {
        var reader = new Utf8JsonReader(base64);
        reader.Read();
        byte[]? bytes;
        try
        {
            reader.TryGetBytesFromBase64(out bytes);
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair.
            bytes = null;
        }

        if (bytes is null || bytes.Length % sizeof(float) != 0)
        {
            throw new JsonException("A vector is no base64 of numbers.");
        }

        var numbers = new float[bytes.Length / sizeof(float)];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(i * sizeof(float)));
        }

        // JSON has neither of what is left.
        return Array.TrueForAll(numbers, float.IsFinite) ? numbers : throw new JsonException("A vector has numbers that are none.");
    }
}
