using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Embeddings;

/// <summary>The <c>data</c> of an embedding answer: vectors as numbers, or as base64 of little-endian 32-bit floats.</summary>
internal static class EmbeddingVectors
{
    /// <param name="data">The upstream's list.</param>
    /// <param name="count">The expected number of vectors.</param>
    /// <param name="asBase64">True if the caller asked for base64.</param>
    /// <exception cref="JsonException">The number of vectors is wrong, an item has none or an empty one, or a vector contains something other than numbers.</exception>
    public static void Check(ReadOnlySpan<byte> data, int count, bool asBase64)
    {
        var reader = new Utf8JsonReader(data);
        reader.Read();
        var vectors = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            if (!ReadItem(ref reader, out var vector, out _) || IsEmpty(data[vector]))
            {
                throw new JsonException("An item has no vector.");
            }

            vectors++;

            // A base64 vector that is passed through may hold bits or half floats, as some upstreams pack numbers that way.
            if (!asBase64 || data[vector][0] != (byte)'"')
            {
                CheckVector(data[vector]);
            }
        }

        if (vectors != count)
        {
            throw new JsonException("There are not as many vectors as inputs.");
        }
    }

    /// <summary>Writes the list: unchanged if the encoding is right, else with each vector re-encoded.</summary>
    /// <param name="writer">A writer positioned where the list is expected.</param>
    /// <param name="data">The upstream's list.</param>
    /// <param name="asBase64">True if the caller asked for base64.</param>
    /// <param name="withType">True if each item names its type, as OpenAI's do.</param>
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
                WritePacked(writer, bytes);
            }
            else
            {
                WriteNumbers(writer, bytes);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes an array of numbers as base64.</summary>
    /// <exception cref="JsonException">It contains something other than numbers.</exception>
    public static void WritePacked(Utf8JsonWriter writer, ReadOnlySpan<byte> numbers)
    {
        using var packed = new PooledBytes(8192);
        var reader = new Utf8JsonReader(numbers);
        reader.Read();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            BinaryPrimitives.WriteSingleLittleEndian(packed.GetSpan(sizeof(float)), Number(ref reader));
            packed.Advance(sizeof(float));
        }

        writer.WriteBase64StringValue(packed.Span);
    }

    // Nothing between the brackets or quotes.
    private static bool IsEmpty(ReadOnlySpan<byte> vector) => vector[1..^1].IndexOfAnyExcept(" \t\r\n"u8) < 0;

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

    private static void CheckVector(ReadOnlySpan<byte> vector)
    {
        var reader = new Utf8JsonReader(vector);
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            using var packed = Unpack(ref reader);
            for (var numbers = packed.Span; numbers.Length > 0; numbers = numbers[sizeof(float)..])
            {
                // JSON cannot represent NaN or infinity.
                if (!float.IsFinite(BinaryPrimitives.ReadSingleLittleEndian(numbers)))
                {
                    throw new JsonException("A vector has NaN or infinite values.");
                }
            }

            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Number(ref reader);
        }
    }

    private static float Number(ref Utf8JsonReader reader)
    {
        var number = reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out var given) ? (float)given : float.NaN;
        return float.IsFinite(number) ? number : throw new JsonException("A vector has a value that is not a number, or is too large.");
    }

    private static void WriteNumbers(Utf8JsonWriter writer, ReadOnlySpan<byte> base64)
    {
        var reader = new Utf8JsonReader(base64);
        reader.Read();
        using var packed = Unpack(ref reader);
        writer.WriteStartArray();
        for (var numbers = packed.Span; numbers.Length > 0; numbers = numbers[sizeof(float)..])
        {
            writer.WriteNumberValue(BinaryPrimitives.ReadSingleLittleEndian(numbers));
        }

        writer.WriteEndArray();
    }

    // Unescapes the string before decoding it.
    private static PooledBytes Unpack(ref Utf8JsonReader reader)
    {
        var bytes = new PooledBytes(Math.Max(reader.ValueSpan.Length, 1));
        var buffer = bytes.GetSpan(reader.ValueSpan.Length);
        try
        {
            var text = buffer[..reader.CopyString(buffer)];
            if (Base64.DecodeFromUtf8InPlace(text, out var length) == OperationStatus.Done && length % sizeof(float) == 0)
            {
                bytes.Advance(length);
                return bytes;
            }
        }
        catch (InvalidOperationException)
        {
            // An unpaired surrogate.
        }

        bytes.Dispose();
        throw new JsonException("A vector is not valid base64 of 32-bit floats.");
    }
}
