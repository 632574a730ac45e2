using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <summary>Compares direct calls, YARP, and ScaiGrid with and without limits.</summary>
internal static class Comparison
{
    public static async Task RunAsync(BenchmarkOptions options)
    {
        await using var setup = await Setup.StartAsync(options.Beside);
        await Measurement.WarmUpAsync(setup.Subjects);
        Console.WriteLine("| call | connections | subject | calls/s | p50 ms | p99 ms | p50 added ms | first byte added p50 ms | processor µs/call | to YARP's | resident MiB |");
        Console.WriteLine("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var kind in options.Calls.SelectMany(Kinds))
        {
            // Paced streams measure waiting, not work: many at once show whether calls delay each other.
            foreach (var connections in kind.Paced ? [64] : options.Connections)
            {
                Print(setup.Subjects, kind, connections, await Measurement.RunAsync(setup.Subjects, kind, connections, options));
            }
        }
    }

    private static CallKind[] Kinds(string call) => call switch
    {
        "chat" => [CallKind.Chat],
        "stream" => [CallKind.Streamed],
        "paced" => [CallKind.PacedStream, CallKind.PacedAtOnce],
        _ => [],
    };

    private static void Print(IReadOnlyList<Subject> subjects, CallKind kind, int connections, Measurement measured)
    {
        var (direct, yarp) = (measured.Of(Subject.Direct), measured.Of(Subject.Yarp));
        foreach (var subject in subjects)
        {
            var of = measured.Of(subject.Name);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {kind.Name} | {connections} | {subject.Name} | {of.PerSecond:F0} | {of.P50:F3} | {of.P99:F3} | {of.P50 - direct.P50:F3} | {of.FirstByte - direct.FirstByte:F3} | {of.Processor:F0} | {of.Processor / yarp.Processor:F2} | {of.Resident:F0} |"));
        }
    }
}
