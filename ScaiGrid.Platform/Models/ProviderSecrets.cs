using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// The secrets in a provider's or backend's configuration: <c>api_key</c>, and the values of <c>headers</c>. They are stored encrypted and
/// separately, with the row's id as owner, and shown masked. A masked value in a request stands for the stored one. A secret belongs to the
/// host that it was given for: if the address changes to another host, it must be given again.
/// </summary>
internal sealed class ProviderSecrets(SecretBox box)
{
    private const string ApiKey = "api_key";
    private const string Headers = "headers";
    private const string Masked = "••••";

    /// <summary>The complete configuration of a new row: there are no stored secrets that a masked value could stand for.</summary>
    public static JsonObject Complete(Checks checks, string field, JsonObject sent) => Complete(checks, field, sent, known: [], moved: null);

    /// <summary>
    /// The complete configuration after a change of a row. An omitted or masked secret is the stored one; <c>null</c> removes it.
    /// </summary>
    /// <param name="checks">Receives the mistakes.</param>
    /// <param name="field">The configuration's name in the request.</param>
    /// <param name="sent">The configuration in the request.</param>
    /// <param name="owner">The row's id.</param>
    /// <param name="config">The row's configuration without secrets.</param>
    /// <param name="stored">The row's encrypted secrets.</param>
    public JsonObject Complete(Checks checks, string field, JsonObject sent, string owner, string config, string? stored) =>
        Complete(checks, field, sent, TryOpen(stored, owner) ?? [], Moved(Parse(config), sent).FirstOrDefault());

    /// <summary>Splits a complete configuration into a readable and an encrypted part.</summary>
    public (string Config, string? Sealed) Split(JsonObject complete, string owner)
    {
        var readable = (JsonObject)complete.DeepClone();
        var secrets = new JsonObject();
        foreach (var name in (string[])[ApiKey, Headers])
        {
            if (readable[name] is { } secret)
            {
                readable.Remove(name);
                secrets[name] = secret;
            }
        }

        return (readable.ToJsonString(), secrets.Count == 0 ? null : box.Seal(secrets.ToJsonString(), owner));
    }

    /// <summary>A configuration for display, with secrets masked.</summary>
    public JsonObject Show(string config, string? stored, string owner)
    {
        var shown = Parse(config);
        if (stored is null)
        {
            return shown;
        }

        if (TryOpen(stored, owner) is not { } secrets)
        {
            shown[ApiKey] = Masked;
            return shown;
        }

        if (secrets[ApiKey] is { } key)
        {
            shown[ApiKey] = Mask(key);
        }

        if (secrets[Headers] is JsonObject headers)
        {
            shown[Headers] = new JsonObject(headers.Select(header => KeyValuePair.Create(header.Key, (JsonNode?)Mask(header.Value))));
        }

        return shown;
    }

    /// <summary>
    /// The fields with an address (<c>base_url</c>, and a type's own) that lead to another scheme, host or port than any before. A removed address
    /// counts as the default of the type or the provider.
    /// </summary>
    public static IEnumerable<string> Moved(JsonObject before, JsonObject after)
    {
        var known = before.Select(pair => Origin(pair.Value)).ToHashSet();
        return before.Select(pair => pair.Key).Union(after.Select(pair => pair.Key))
            .Where(name => Origin(before[name]) != Origin(after[name]) && (Origin(after[name]) is not { } now || !known.Contains(now)));
    }

    /// <summary>The fields of a backend whose address changes because of its provider's configuration.</summary>
    public static IEnumerable<string> MovedUnder(JsonObject backend, JsonObject before, JsonObject after) =>
        Moved(Merge((JsonObject)before.DeepClone(), backend), Merge((JsonObject)after.DeepClone(), backend));

    /// <summary>The field because of which a backend without its own secrets does not get its provider's; null if it gets them, or there are none.</summary>
    public static string? Withheld(Provider provider, Backend backend) => provider.Credentials is not null && backend.Credentials is null
        ? MovedFrom(Parse(provider.Config), Parse(backend.ConnectionConfig)).FirstOrDefault()
        : null;

    /// <summary>Parses a stored configuration.</summary>
    public static JsonObject Parse(string json) => JsonNode.Parse(json) as JsonObject ?? [];

    /// <summary>Requires a backend that calls another host than its provider to have secrets of its own: the provider's are not sent there.</summary>
    public void CheckOwn(Checks checks, string field, Provider provider, string before, JsonObject sent, JsonObject complete)
    {
        var known = TryOpen(provider.Credentials, provider.Id) ?? [];
        var moved = MovedFrom(Parse(provider.Config), complete).Intersect(Moved(Parse(before), complete)).FirstOrDefault();
        foreach (var name in (string[])[ApiKey, Headers])
        {
            if (known.ContainsKey(name) && !complete.ContainsKey(name) && !sent.ContainsKey(name))
            {
                Refuse(checks, $"{field}.{name}", moved);
            }
        }
    }

    /// <summary>
    /// A backend's effective configuration: its own over its provider's, with secrets. The provider's secrets are left out for another host.
    /// </summary>
    /// <exception cref="CryptographicException">Stored credentials cannot be decrypted.</exception>
    public JsonObject Merged(Provider provider, Backend backend) => Merged(provider, Open(backend.ConnectionConfig, backend.Credentials, backend.Id));

    /// <summary>A provider's configuration with secrets.</summary>
    /// <exception cref="CryptographicException">Stored credentials cannot be decrypted.</exception>
    public JsonObject Opened(Provider provider) => Open(provider.Config, provider.Credentials, provider.Id);

    /// <inheritdoc cref="Merged(Provider, Backend)"/>
    public JsonObject Merged(Provider provider, JsonObject backendConfig)
    {
        var below = Parse(provider.Config);
        return Merge(MovedFrom(below, backendConfig).Any() ? below : Opened(provider), backendConfig);
    }

    // Settings that a backend does not have are its provider's.
    private static IEnumerable<string> MovedFrom(JsonObject provider, JsonObject backend) => Moved(provider, Merge((JsonObject)provider.DeepClone(), backend));

    private static string? Origin(JsonNode? address) =>
        Text(address) is { } text && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Host.Length > 0 ? uri.GetLeftPart(UriPartial.Authority) : null;

    private static void Refuse(Checks checks, string field, string? moved)
    {
        if (moved is not null)
        {
            checks.Add(field, $"must be given again, because {moved} leads to another host; null for none.");
        }
    }

    private static JsonObject Merge(JsonObject below, JsonObject above)
    {
        foreach (var (name, value) in above)
        {
            below[name] = value?.DeepClone();
        }

        return below;
    }

    private JsonObject Open(string config, string? stored, string owner) =>
        stored is null ? Parse(config) : Merge(Parse(config), Parse(box.Open(stored, owner)));

    private JsonObject? TryOpen(string? stored, string owner)
    {
        try
        {
            return stored is null ? null : Parse(box.Open(stored, owner));
        }
        catch (Exception exception) when (exception is CryptographicException or FormatException)
        {
            // Encrypted with a key that no longer exists: it cannot be recovered, but it can be entered again.
            return null;
        }
    }

    private static JsonObject Complete(Checks checks, string field, JsonObject sent, JsonObject known, string? moved)
    {
        var complete = (JsonObject)sent.DeepClone();
        CompleteSecret(checks, $"{field}.{ApiKey}", complete, known, ApiKey, moved);
        if (!complete.ContainsKey(Headers) && known[Headers] is { } headers)
        {
            complete[Headers] = headers.DeepClone();
            Refuse(checks, $"{field}.{Headers}", moved);
        }
        else if (complete[Headers] is JsonObject given)
        {
            foreach (var name in given.Select(pair => pair.Key).ToArray())
            {
                CompleteSecret(checks, $"{field}.{Headers}.{name}", given, known[Headers] as JsonObject ?? [], name, moved);
            }
        }
        else if (complete.ContainsKey(Headers) && complete[Headers] is null)
        {
            complete.Remove(Headers);
        }

        return complete;
    }

    private static void CompleteSecret(Checks checks, string field, JsonObject complete, JsonObject known, string name, string? moved)
    {
        if (!complete.TryGetPropertyValue(name, out var sent))
        {
            if (known[name] is { } kept)
            {
                complete[name] = kept.DeepClone();
                Refuse(checks, field, moved);
            }
        }
        else if (sent is null)
        {
            complete.Remove(name);
        }
        else if (Text(sent) is { } text && text.StartsWith(Masked, StringComparison.Ordinal))
        {
            if (known[name] is { } kept && Mask(kept) == text)
            {
                complete[name] = kept.DeepClone();
                Refuse(checks, field, moved);
            }
            else
            {
                // Removed, so that the provider type's validation does not report the mask as well.
                complete.Remove(name);
                checks.Add(field, "is a masked value that does not match the stored one; send the secret itself.");
            }
        }
    }

    private static string Mask(JsonNode? secret) => SecretBox.Mask(Text(secret) ?? "");

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
