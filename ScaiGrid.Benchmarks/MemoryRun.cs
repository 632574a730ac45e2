using System.Globalization;
using ScaiGrid.Inference.Metering;
using StackExchange.Redis;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// Measures resident memory over many calls (nine whole responses per stream), and its trend over the last half of them. Also shows how many usage
/// records wait in Redis, at most <see cref="UsageBuffer.MaxPending"/> per tenant, to see whether the worker kept up.
/// </summary>
internal static class MemoryRun
{
    private const int Connections = 16;
    private const int Rows = 10;

    public static async Task RunAsync(BenchmarkOptions options)
    {
        await using var upstream = await Upstream.StartAsync();
        await using var installation = await Installation.StartAsync(upstream.Port);
        var subject = installation.Caller("ScaiGrid");
        byte[][] requests = [.. Enumerable.Repeat(subject.Requests(CallKind.Chat)[0], 9), subject.Requests(CallKind.Streamed)[0]];
        var load = new LoadGenerator(subject.Port, requests);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(installation.RedisConfiguration);
        var usage = new UsageBuffer(redis);
        var points = new List<(long Calls, double Mebibytes)>();
        Console.WriteLine("| calls | resident MiB | records in Redis |");
        Console.WriteLine("| ---: | ---: | ---: |");
        for (long calls = 0, shown = 0; calls < options.MemoryCalls;)
        {
            calls += (await load.RunAsync(Connections, TimeSpan.FromSeconds(1))).Latencies.Length;
            points.Add((calls, subject.ResidentMebibytes()));
            if (calls * Rows / options.MemoryCalls > shown)
            {
                shown = calls * Rows / options.MemoryCalls;
                var waiting = await usage.CountAsync();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {calls} | {points[^1].Mebibytes:F0} | {waiting} |"));
            }
        }

        var half = points.Where(point => point.Calls * 2 >= options.MemoryCalls).ToList();
        Console.WriteLine();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Most: {points.Max(point => point.Mebibytes):F0} MiB. Over the last half: {half.Min(point => point.Mebibytes):F0} to {half.Max(point => point.Mebibytes):F0} MiB, a drift of {Slope(half) * options.MemoryCalls / 2:F1} MiB."));
    }

    /// <summary>The slope in MiB per call, by least squares.</summary>
    private static double Slope(List<(long Calls, double Mebibytes)> points)
    {
        var (x, y) = (points.Average(point => (double)point.Calls), points.Average(point => point.Mebibytes));
        return points.Sum(point => (point.Calls - x) * (point.Mebibytes - y)) / points.Sum(point => (point.Calls - x) * (point.Calls - x));
    }
}
