using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ScaiGrid.Core.Security;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// What a sign-in must remember from one step to the next: in Redis, for a while, and taken out once. It is found by the hash of a secret
/// that only the browser has, and sealed, so that whoever reads Redis can neither go on with a sign-in nor learn of it.
/// </summary>
internal sealed class OneTimeStore(IConnectionMultiplexer redis, SecretBox box)
{
    public Task PutAsync<T>(string kind, string secret, T value, TimeSpan lifetime)
    {
        var key = Key(kind, secret);
        return redis.GetDatabase().StringSetAsync(key, box.Seal(JsonSerializer.Serialize(value), key), lifetime);
    }

    /// <returns>Null when there is none: made up, too old, or taken before.</returns>
    public async Task<T?> TakeAsync<T>(string kind, string secret)
        where T : class
    {
        var key = Key(kind, secret);
        var stored = await redis.GetDatabase().StringGetDeleteAsync(key);
        return stored.IsNull ? null : JsonSerializer.Deserialize<T>(box.Open(stored.ToString(), key));
    }

    private static string Key(string kind, string secret) => $"scaigrid:auth:{kind}:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)))}";
}
