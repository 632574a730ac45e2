using System.Collections.Immutable;

namespace ScaiGrid.Inference.Routing;

/// <summary>Chooses the next target of a call: by weight among the untried targets of the best priority that has any.</summary>
internal static class TargetSelector
{
    /// <summary>Most targets that one model may have: the tried ones are a bit mask.</summary>
    public const int MaxTargets = 64;

    /// <param name="targets">Sorted by priority.</param>
    /// <param name="tried">Bit mask by index of the targets that failed this call.</param>
    /// <param name="random">Chance in [0, 1).</param>
    /// <returns>An index into <paramref name="targets"/>, or -1 when all were tried.</returns>
    public static int Next(ImmutableArray<Target> targets, ulong tried, double random)
    {
        var first = -1;
        var total = 0L;
        for (var i = 0; i < targets.Length; i++)
        {
            if ((tried & (1UL << i)) != 0)
            {
                continue;
            }

            if (first < 0)
            {
                first = i;
            }
            else if (targets[i].Priority != targets[first].Priority)
            {
                break;
            }

            total += targets[i].Weight;
        }

        if (total == 0)
        {
            return first;
        }

        var point = (long)(random * total);
        for (var i = first; i < targets.Length; i++)
        {
            if ((tried & (1UL << i)) != 0)
            {
                continue;
            }

            point -= targets[i].Weight;
            if (point < 0)
            {
                return i;
            }
        }

        return first;
    }
}
