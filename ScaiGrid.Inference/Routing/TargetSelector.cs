using System.Collections.Immutable;

namespace ScaiGrid.Inference.Routing;

/// <summary>
/// Chooses the next target of a call: among the untried targets whose circuit lets it pass, those of the best priority; of these the
/// best by the model's strategy; of equally good ones, one by weight. Those without weight come after the others of their priority.
/// Misconfigured targets are chosen only if there is no other.
/// </summary>
/// <remarks>
/// Part of every call: no lock and no allocation. Two calls may both find the one trial of a half-open circuit; entering decides which gets it.
/// </remarks>
internal static class TargetSelector
{
    private const double Exploration = 0.05;

    /// <param name="targets">Sorted by priority.</param>
    /// <param name="strategy">The model's strategy.</param>
    /// <param name="tried">Bit mask by index of the targets that failed this call.</param>
    /// <param name="now">Timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <param name="random">A random number in [0, 1).</param>
    /// <returns>An index into <paramref name="targets"/>, or -1 if none is left.</returns>
    public static int Next(ImmutableArray<Target> targets, RoutingStrategy strategy, ulong tried, long now, double random)
    {
        var misconfigured = 0UL;
        for (var i = 0; i < targets.Length; i++)
        {
            if (targets[i].Backend.Health.IsLastResort(now))
            {
                misconfigured |= 1UL << i;
            }
        }

        var index = Among(targets, strategy, tried | misconfigured, now, random);
        return index >= 0 || misconfigured == 0 ? index : Among(targets, strategy, tried, now, random);
    }

    private static int Among(ImmutableArray<Target> targets, RoutingStrategy strategy, ulong excluded, long now, double random)
    {
        if (strategy == RoutingStrategy.LowestLatency && random < Exploration)
        {
            (strategy, random) = (RoutingStrategy.Weighted, random / Exploration);
        }

        var (first, best, total) = (-1, 0L, 0L);
        for (var i = 0; i < targets.Length; i++)
        {
            if (!IsOpenTo(targets[i], i, excluded, now))
            {
                continue;
            }

            if (first >= 0 && targets[i].Priority != targets[first].Priority)
            {
                break;
            }

            // While there is one with weight, those without are not candidates, however good.
            var (score, weight) = (Score(targets[i], strategy), targets[i].Weight);
            if (first < 0 || (weight > 0 && (total == 0 || score < best)) || (total == 0 && score < best))
            {
                (first, best, total) = (i, score, weight);
            }
            else if (score == best)
            {
                total += weight;
            }
        }

        if (total == 0)
        {
            return first;
        }

        // Scores may have changed since: targets that no longer have the best score are skipped, and the first remains the fallback.
        var point = (long)(random * total);
        for (var i = first; i < targets.Length && targets[i].Priority == targets[first].Priority; i++)
        {
            if (!IsOpenTo(targets[i], i, excluded, now) || Score(targets[i], strategy) != best)
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

    private static bool IsOpenTo(Target target, int index, ulong excluded, long now) =>
        (excluded & (1UL << index)) == 0 && target.Backend.Health.Circuit.MayPass(now);

    /// <summary>
    /// Lower is better. A backend whose latency was never measured comes first with one call, which measures it, and last until then: it may be slow, or
    /// refuse everything. If that call fails to measure it, <see cref="Exploration"/> does.
    /// </summary>
    private static long Score(Target target, RoutingStrategy strategy) => strategy switch
    {
        RoutingStrategy.LeastInFlight => target.Backend.InFlight,
        RoutingStrategy.LowestLatency => target.Backend.Health switch
        {
            { IsToBeMeasured: true } => 0,
            { LatencyMicros: 0 } => long.MaxValue,
            var measured => measured.LatencyMicros,
        },
        RoutingStrategy.LowestCost => target.Cost,
        _ => 0,
    };
}
