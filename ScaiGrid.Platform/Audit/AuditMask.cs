using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// What the audit log shows of a value. Fields whose name speaks of a secret show that they were set, never what to; text that holds
/// a credential (one of our keys, a URL's password, a bearer token) shows the rest of it; long text shows its beginning and its hash.
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

    /// <summary>An object's names stay (which header was set), its values do not.</summary>
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

    // What is named after a secret and is none: its id, times, place, kind, number.
    [GeneratedRegex("(_id|_at|_ids|_url|_uri|_endpoint|_type|_tokens|_name|^tokens_(in|out))$", RegexOptions.IgnoreCase)]
    private static partial Regex PublicName();

    [GeneratedRegex(@"sgk_[A-Za-z0-9_-]{16,}|(?<=://)[^/@\s]*(?=@)|(?<=\bBearer )\S+|(?<=[?&](?:api[-_]?key|key|token|access_token|secret|password|sig|signature)=)[^&\s]+", RegexOptions.IgnoreCase)]
    private static partial Regex Credential();
}
