using System.Runtime.InteropServices;

namespace ScaiGrid.Core.Logging;

/// <summary>Keeps a trouble that lasts from filling the log: each kind of it is said at once, and from then on once a minute.</summary>
/// <typeparam name="TKind">Tells one trouble from another. Of few values: each that ever came is kept.</typeparam>
public sealed class LogGate<TKind>(TimeProvider time)
    where TKind : notnull
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKind, (long SaidAt, int Count)> _kinds = [];

    /// <summary>Whether the trouble is to be logged now.</summary>
    /// <param name="kind">Which it is.</param>
    /// <param name="count">How many of the kind there were since one was last let through, with this one.</param>
    public bool MayPass(TKind kind, out int count)
    {
        var now = time.GetTimestamp();
        lock (_lock)
        {
            ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(_kinds, kind, out var wasThere);
            count = ++last.Count;
            if (wasThere && time.GetElapsedTime(last.SaidAt, now) < Quiet)
            {
                return false;
            }

            last = (now, 0);
            return true;
        }
    }
}
