using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// Compares the cost of a call in an installation with 10,000 keys, 1,000 models and 100 tenants with that in one with one of each: calls of one
/// busy caller, calls of all keys in turn, and the same without limits, which shows the cost of lookups alone.
/// </summary>
internal static class ScaleComparison
{
    public static async Task RunAsync(BenchmarkOptions options)
    {
        await using var upstream = await Upstream.StartAsync();
        Console.WriteLine($"| call | connections | among {Crowd.Keys} keys, {Crowd.Models} models, {Crowd.Tenants} tenants | processor µs/call, one of each | among them | ratio | p50 ratio | resident MiB |");
        Console.WriteLine("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |");
        foreach (var isLimited in (bool[])[true, false])
        {
            await using var one = await Installation.StartAsync(upstream.Port, isLimited: isLimited);
            await using var many = await Installation.StartAsync(upstream.Port, isCrowded: true, isLimited);
            var alone = one.Caller("one of each");
            Subject[] subjects = isLimited ? [alone, many.Caller("one busy caller"), many.Crowd("all in turn")] : [alone, many.Crowd("all in turn, no limits")];
            await Measurement.WarmUpAsync(subjects);
            foreach (var kind in (CallKind[])[CallKind.Chat, CallKind.Streamed])
            {
                foreach (var connections in options.Connections)
                {
                    Print(alone, subjects[1..], kind, connections, await Measurement.RunAsync(subjects, kind, connections, options));
                }
            }
        }
    }

    private static void Print(Subject alone, Subject[] others, CallKind kind, int connections, Measurement measured)
    {
        var one = measured.Of(alone.Name);
        foreach (var subject in others)
        {
            var of = measured.Of(subject.Name);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {kind.Name} | {connections} | {subject.Name} | {one.Processor:F0} | {of.Processor:F0} | {of.Processor / one.Processor:F2} | {of.P50 / one.P50:F2} | {one.Resident:F0}, {of.Resident:F0} |"));
        }
    }
}
