namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Counts characters of a JSON string as JavaScript and .NET do (UTF-16 code units), without unescaping it.</summary>
internal static class JsonCharacters
{
    /// <param name="json">The content of a JSON string, without its quotes.</param>
    public static int Count(ReadOnlySpan<byte> json)
    {
        Walk(json, int.MaxValue, out var count);
        return count;
    }

    /// <summary>The number of bytes that the first <paramref name="characters"/> characters take.</summary>
    /// <param name="json">The content of a JSON string, without its quotes.</param>
    /// <param name="characters">The number of characters. If it ends within one, that one is included.</param>
    public static int Length(ReadOnlySpan<byte> json, int characters) => Walk(json, characters, out _);

    private static int Walk(ReadOnlySpan<byte> json, int most, out int count)
    {
        count = 0;
        var i = 0;
        for (; i < json.Length; i++)
        {
            if (count >= most && (json[i] & 0xC0) != 0x80)
            {
                break;
            }

            if (json[i] == '\\')
            {
                i += json[i + 1] == 'u' ? 5 : 1;
                count++;
            }
            else if ((json[i] & 0xC0) != 0x80)
            {
                count += json[i] >= 0xF0 ? 2 : 1;
            }
        }

        return i;
    }
}
