using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// Measures direct, YARP and ScaiGrid in interleaved rounds and prints medians. Only ratios within one run say something: machines
/// differ, and this one does other things too.
/// </summary>
internal static class Comparison
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(BenchmarkOptions options)
    {
        await using var setup = await Setup.StartAsync();
        Subject[] subjects = [setup.Direct, setup.Yarp, setup.ScaiGrid];
        foreach (var subject in subjects)
        {
            foreach (var stream in (bool[])[false, true])
            {
                await new LoadGenerator(subject.Port, subject.Path, subject.Key, subject.Body(stream)).RunAsync(16, WarmUp);
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, {options.Rounds} rounds of {options.Seconds} s, medians"));
        Console.WriteLine();
        Console.WriteLine("| call | connections | subject | calls/s | p50 ms | p99 ms | first byte p50 ms | processor µs/call | resident MiB | µs to YARP's |");
        Console.WriteLine("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var call in options.Calls)
        {
            var (name, stream, paced) = call switch
            {
                "stream" => ($"stream of {MockUpstream.Chunks}", true, false),
                "paced" => ("paced stream", true, true),
                _ => ("chat", false, false),
            };

            // What is paced measures waiting, not work: enough of them at once to see who delays whom.
            foreach (var connections in paced ? [64] : options.Connections)
            {
                await CompareAsync(subjects, name, s => s.Body(stream, paced), connections, options);
            }
        }
    }

    private static async Task CompareAsync(Subject[] subjects, string name, Func<Subject, string> body, int connections, BenchmarkOptions options)
    {
        var samples = subjects.ToDictionary(subject => subject.Name, _ => new List<Sample>());
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var subject in subjects)
            {
                var before = subject.ProcessorTime();
                var result = await new LoadGenerator(subject.Port, subject.Path, subject.Key, body(subject)).RunAsync(connections, TimeSpan.FromSeconds(options.Seconds));
                samples[subject.Name].Add(new Sample(
                    result.PerSecond,
                    LoadResult.Percentile(result.Latencies, 0.5),
                    LoadResult.Percentile(result.Latencies, 0.99),
                    LoadResult.Percentile(result.FirstBytes, 0.5),
                    (subject.ProcessorTime() - before).TotalMicroseconds / result.Latencies.Length,
                    subject.ResidentMebibytes()));
            }
        }

        var yarp = Median(samples["YARP"], sample => sample.Processor);
        foreach (var subject in subjects)
        {
            var of = samples[subject.Name];
            var processor = Median(of, sample => sample.Processor);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {connections} | {subject.Name} | {Median(of, s => s.PerSecond):F0} | {Median(of, s => s.P50):F3} | {Median(of, s => s.P99):F3} | {Median(of, s => s.FirstByte):F3} | {processor:F0} | {Median(of, s => s.Resident):F0} | {processor / yarp:F2} |"));
        }
    }

    private static double Median(List<Sample> samples, Func<Sample, double> value)
    {
        var sorted = samples.Select(value).Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private sealed record Sample(double PerSecond, double P50, double P99, double FirstByte, double Processor, double Resident);
}
