using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <summary>What a call costs among 10,000 keys, 1,000 models and 100 tenants, each of which calls, to what it costs with one of each.</summary>
internal static class ScaleComparison
{
    public static async Task RunAsync(BenchmarkOptions options)
    {
        await using var upstream = await Upstream.StartAsync();
        await using var one = await Installation.StartAsync(upstream.Port);
        await using var many = await Installation.StartAsync(upstream.Port, isCrowded: true);
        Subject[] subjects = [one.Limited("one of each"), many.Crowded("crowd")];
        await Measurement.WarmUpAsync(subjects);
        Console.WriteLine($"| call | connections | processor µs/call, one of each | {Crowd.Keys} keys, {Crowd.Models} models, {Crowd.Tenants} tenants | ratio | p50 ratio | resident MiB |");
        Console.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var kind in (CallKind[])[CallKind.Chat, CallKind.Streamed])
        {
            foreach (var connections in options.Connections)
            {
                var measured = await Measurement.RunAsync(subjects, kind, connections, options);
                var (few, crowd) = (measured.Of(subjects[0].Name), measured.Of(subjects[1].Name));
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {kind.Name} | {connections} | {few.Processor:F0} | {crowd.Processor:F0} | {crowd.Processor / few.Processor:F2} | {crowd.P50 / few.P50:F2} | {few.Resident:F0}, {crowd.Resident:F0} |"));
            }
        }
    }
}
