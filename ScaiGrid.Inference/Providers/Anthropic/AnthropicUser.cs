using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Writes the id of the caller's end user. The upstream rejects addresses, telephone numbers and long names: a hash still identifies the user.
/// </summary>
internal static partial class AnthropicUser
{
    private const int LongestId = 256;

    public static void Write(RequestDocument request, Utf8JsonWriter writer)
    {
        if ((JsonText.Of(request.Root, "user"u8) ?? JsonText.Of(request.Root, "safety_identifier"u8)) is not { Length: > 0 } user)
        {
            return;
        }

        var isOpaque = user.Length <= LongestId && !user.Contains('@', StringComparison.Ordinal) && !Telephone().IsMatch(user);
        writer.WriteStartObject("metadata"u8);
        writer.WriteString("user_id"u8, isOpaque ? user : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(user))));
        writer.WriteEndObject();
    }

    // At least seven digits, with common separators.
    [GeneratedRegex(@"^\s*\+?(?:[\s().-]*\d){7,15}\s*$", RegexOptions.NonBacktracking)]
    private static partial Regex Telephone();
}
