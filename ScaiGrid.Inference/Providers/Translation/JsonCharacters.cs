namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Characters of a JSON string's inner as JavaScript and .NET count them, without unescaping: what is beyond 16 bits counts twice.</summary>
internal static class JsonCharacters
{
    /// <param name="json">The inner of a JSON string.</param>
    public static int Count(ReadOnlySpan<byte> json)
    {
        Walk(json, int.MaxValue, out var count);
        return count;
    }

    /// <summary>How many bytes so many characters are.</summary>
    /// <param name="json">The inner of a JSON string.</param>
    /// <param name="characters">Where they end within one, it belongs to them.</param>
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
