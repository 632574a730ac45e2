using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using ScaiGrid.Grpc.V1;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>Bounds the fields of a message before its objects are made: two bytes may be an object of two hundred.</summary>
internal static class MessageFields
{
    public const int Most = 250_000;

    /// <summary>The shortest field is a tag and an empty value.</summary>
    private const int LeastBytes = 2;

    /// <summary>The parser's own limit, by default.</summary>
    private const int MostDepth = 100;

    private static readonly FrozenDictionary<string, MessageDescriptor> Types =
        InferenceService.Descriptor.Methods.ToFrozenDictionary(method => $"/{method.Service.FullName}/{method.Name}", method => method.InputType);

    /// <param name="method">The method's full name.</param>
    /// <param name="message">The message. If it is malformed, the parser says so.</param>
    public static bool Fit(string method, ReadOnlySpan<byte> message)
    {
        if (message.Length < Most * LeastBytes || !Types.TryGetValue(method, out var type))
        {
            return true;
        }

        var left = Most;
        return Fit(message, type, MostDepth, ref left);
    }

    private static bool Fit(ReadOnlySpan<byte> bytes, MessageDescriptor? type, int depth, ref int left)
    {
        while (TryRead(ref bytes, out var tag))
        {
            if (--left < 0)
            {
                return false;
            }

            var length = 0UL;
            switch ((WireFormat.WireType)(tag & 7))
            {
                case WireFormat.WireType.Varint:
                    TryRead(ref bytes, out _);
                    break;
                case WireFormat.WireType.Fixed32:
                    length = sizeof(uint);
                    break;
                case WireFormat.WireType.Fixed64:
                    length = sizeof(ulong);
                    break;
                case WireFormat.WireType.LengthDelimited:
                    TryRead(ref bytes, out length);
                    break;
            }

            if (length > (ulong)bytes.Length)
            {
                return true;
            }

            if (depth > 0 && (tag & 7) == (ulong)WireFormat.WireType.LengthDelimited
                && type?.FindFieldByNumber((int)(tag >> 3)) is { FieldType: FieldType.Message } field
                && !Fit(bytes[..(int)length], field.MessageType, depth - 1, ref left))
            {
                return false;
            }

            bytes = bytes[(int)length..];
        }

        return true;
    }

    // Seven bits in each byte, the lowest first; the last byte has no high bit.
    private static bool TryRead(ref ReadOnlySpan<byte> bytes, out ulong number)
    {
        number = 0;
        for (var i = 0; i < bytes.Length && i < 10; i++)
        {
            number |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        bytes = default;
        return false;
    }
}
