using System.Runtime.InteropServices;

namespace ScaiGrid.Core.Logging;

/// <summary>Keeps a lasting failure from filling the log: each kind is logged at once, and then at most once a minute.</summary>
/// <typeparam name="TKind">The kind of failure. Must have few values, because all are kept.</typeparam>
public sealed class LogGate<TKind>(TimeProvider time)
    where TKind : notnull
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TKind, (long SaidAt, int Count)> _kinds = [];

    /// <summary>Whether this failure should be logged.</summary>
    /// <param name="kind">The kind of failure.</param>
    /// <param name="count">The number of failures of this kind since the last one that was logged, including this one.</param>
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
