using System.Net;
using System.Net.Sockets;
using ScaiGrid.Core.Errors;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// Limits how often one address may ask whether an account exists: per minute, counted in Redis for all replicas together. An IPv6 address
/// counts as its /64 network, which is what one customer has.
/// </summary>
internal sealed class AttemptLimit(IConnectionMultiplexer redis, SignInOptions options, TimeProvider time)
{
    private const int WindowSeconds = 60;

    /// <returns>Null if attempts are left.</returns>
    public async Task<Problem?> CountAsync(string what, IPAddress? address)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        RedisKey key = $"scaigrid:auth:attempts:{what}:{Name(address)}:{now / WindowSeconds}";
        var database = redis.GetDatabase();
        var transaction = database.CreateTransaction();
        var count = transaction.StringIncrementAsync(key);
        _ = transaction.KeyExpireAsync(key, TimeSpan.FromSeconds(WindowSeconds * 2));
        await transaction.ExecuteAsync();
        return await count > options.AttemptsPerMinute
            ? new Problem(AuthErrors.TooManyAttempts, RetryAfterSeconds: (int)(WindowSeconds - (now % WindowSeconds)))
            : null;
    }

    private static string Name(IPAddress? address)
    {
        if (address is null)
        {
            return "unknown";
        }

        if (address.IsIPv4MappedToIPv6 || address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.MapToIPv4().ToString();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes).ToString();
    }
}
