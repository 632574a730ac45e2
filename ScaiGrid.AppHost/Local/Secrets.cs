using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace ScaiGrid.AppHost.Local;

/// <summary>The secrets that are generated once per data directory and stored in its secrets.json.</summary>
internal sealed partial record Secrets(string SecretKey, string CapabilityKey, string BootstrapApiKey, string RedisPassword)
{
    private const int KeyBytes = 32;

    /// <summary>Whether the database was created with <see cref="BootstrapApiKey"/>; then no other key can become the first one.</summary>
    public bool Bootstrapped { get; init; }

    public static Secrets Generate() => new(
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes)),
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes)),
        "sgk_" + RandomText(),
        RandomText());

    /// <summary>Reads the file; null if it does not exist yet.</summary>
    public static Secrets? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), SecretsJson.Default.Secrets) ?? throw new JsonException("it is empty");
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new StartException(
                $"{path} cannot be read: {exception.Message}. Restore it: without it stored credentials cannot be decrypted.",
                StartException.ConfigurationExitCode);
        }
    }

    /// <summary>Replaces the file atomically. It is readable only by its owner from the first byte on.</summary>
    public void Write(string path)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(temporary, options))
        {
            JsonSerializer.Serialize(stream, this, SecretsJson.Default.Secrets);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    public static bool IsApiKey(string text) => ApiKeyPattern().IsMatch(text);

    /// <summary>43 characters that need no escaping in a URL or a shell.</summary>
    private static string RandomText() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(KeyBytes));

    [GeneratedRegex("^sgk_[A-Za-z0-9_-]{32,200}$")]
    private static partial Regex ApiKeyPattern();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Secrets))]
internal sealed partial class SecretsJson : JsonSerializerContext;
