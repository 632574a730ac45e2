using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Tells an unavailable Redis from a bug.</summary>
public static class RedisAway
{
    /// <summary>
    /// Whether an exception is one that commands throw while Redis is unavailable or its configuration changes. The client also cancels commands when
    /// it closes their connection.
    /// </summary>
    public static bool Is(Exception exception) =>
        exception is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException or OperationCanceledException;

    /// <summary>The same for code that a caller may cancel as well, which says nothing about Redis.</summary>
    public static bool Is(Exception exception, CancellationToken callerGone) =>
        Is(exception) && !(exception is OperationCanceledException && callerGone.IsCancellationRequested);
}
