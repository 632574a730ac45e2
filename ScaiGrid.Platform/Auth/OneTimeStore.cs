using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ScaiGrid.Core.Security;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Stores the state of a sign-in between its steps: in Redis, with an expiry, readable once. It is found by the hash of a secret that only the
/// browser has, and encrypted, so that access to Redis is not enough to continue or read a sign-in.
/// </summary>
internal sealed class OneTimeStore(IConnectionMultiplexer redis, SecretBox box)
{
    public Task PutAsync<T>(string kind, string secret, T value, TimeSpan lifetime)
    {
        var key = Key(kind, secret);
        return redis.GetDatabase().StringSetAsync(key, box.Seal(JsonSerializer.Serialize(value), key), lifetime);
    }

    /// <returns>Null if there is none: the secret is invented, expired, or already used.</returns>
    public async Task<T?> TakeAsync<T>(string kind, string secret)
        where T : class
    {
        var key = Key(kind, secret);
        var stored = await redis.GetDatabase().StringGetDeleteAsync(key);
        return stored.IsNull ? null : JsonSerializer.Deserialize<T>(box.Open(stored.ToString(), key));
    }

    private static string Key(string kind, string secret) => $"scaigrid:auth:{kind}:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)))}";
}
