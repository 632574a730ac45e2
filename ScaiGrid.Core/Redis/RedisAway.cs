using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Tells an unavailable Redis from a bug.</summary>
public static class RedisAway
{
    /// <summary>
    /// Whether an exception is one that commands throw while Redis is unavailable or its configuration changes. The client also cancels commands when
    /// it closes their connection: where a caller's token may cancel as well, ask that token first.
    /// </summary>
    public static bool Is(Exception exception) =>
        exception is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException or OperationCanceledException;
}
