using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Tells an unavailable Redis from a bug.</summary>
public static class RedisAway
{
    /// <summary>Whether an exception is one that commands throw while Redis is unavailable or its configuration changes.</summary>
    public static bool Is(Exception exception) => exception is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException;
}
