using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Masks values in the audit log. Of fields named like secrets, the log shows only that they were set. Credentials inside text (our keys,
/// passwords in URLs, bearer tokens) are masked. Long text is replaced by its beginning and its hash.
/// </summary>
internal static partial class AuditMask
{
    private const string Masked = "••••";
    private const int MaxText = 1000;

    public static JsonNode? Mask(string name, JsonNode? value) => value switch
    {
        null => null,
        JsonObject or JsonArray when IsSecret(name) => Hide(value),
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, Mask(field.Key, field.Value)))),
        JsonArray items => new JsonArray([.. items.Select(item => Mask(name, item))]),
        JsonValue scalar when scalar.TryGetValue<string>(out var text) => IsSecret(name) ? Masked : Text(text),
        _ => value.DeepClone(),
    };

    /// <summary>Masks an object's values, but keeps its names (for example which headers were set).</summary>
    public static JsonNode? Hide(JsonNode? value) => value switch
    {
        null => null,
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, (JsonNode?)Masked))),
        _ => JsonValue.Create(Masked),
    };

    private static bool IsSecret(string name) => SecretName().IsMatch(name) && !PublicName().IsMatch(name);

    private static string Text(string text)
    {
        var masked = Credential().Replace(text, Masked);
        return masked.Length <= MaxText
            ? masked
            : $"{AuditText.Cut(masked, MaxText)}… ({text.Length} characters, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))})";
    }

    [GeneratedRegex("secret|passw|token|credential|api_?key|private_?key|signing_?key|hash|sealed|verifier|authorization|cookie|^headers$|^key$", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    // Named after a secret without being one: its id, time, location, kind, number.
    [GeneratedRegex("(_id|_at|_ids|_url|_uri|_endpoint|_type|_tokens|_name|^tokens_(in|out))$", RegexOptions.IgnoreCase)]
    private static partial Regex PublicName();

    [GeneratedRegex(@"sgk_[A-Za-z0-9_-]{16,}|(?<=://)[^/@\s]*(?=@)|(?<=\bBearer )\S+|(?<=[?&](?:api[-_]?key|key|token|access_token|secret|password|sig|signature)=)[^&\s]+", RegexOptions.IgnoreCase)]
    private static partial Regex Credential();
}
