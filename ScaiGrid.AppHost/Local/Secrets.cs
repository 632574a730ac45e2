using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace ScaiGrid.AppHost.Local;

/// <summary>What is generated once per data folder and kept in its secrets.json.</summary>
internal sealed partial record Secrets(string SecretKey, string CapabilityKey, string BootstrapApiKey, string RedisPassword)
{
    private const int KeyBytes = 32;

    /// <summary>The database was made with <see cref="BootstrapApiKey"/>; no other key becomes the first one any more.</summary>
    public bool Bootstrapped { get; init; }

    public static Secrets Generate() => new(
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes)),
        Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes)),
        "sgk_" + RandomText(),
        RandomText());

    /// <summary>Reads the file, or null when there is none yet.</summary>
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

    /// <summary>Replaces the file as a whole: a crash leaves the old one or the new one. Nobody but its owner may read it, from the first byte on.</summary>
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
