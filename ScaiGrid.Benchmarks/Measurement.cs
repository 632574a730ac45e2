namespace ScaiGrid.Benchmarks;

/// <summary>
/// Measures subjects in interleaved rounds and takes the medians. Only ratios within one run are meaningful: machines differ, and this one may
/// be busy.
/// </summary>
internal sealed class Measurement
{
    /// <summary>The runtime recompiles hot code twice in the background: a measurement that starts too early would include that.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, List<Sample>> _samples;

    private Measurement(IEnumerable<Subject> subjects) => _samples = subjects.ToDictionary(subject => subject.Name, _ => new List<Sample>());

    public static async Task WarmUpAsync(IReadOnlyList<Subject> subjects)
    {
        foreach (var subject in subjects)
        {
            foreach (var kind in (CallKind[])[CallKind.Chat, CallKind.Streamed])
            {
                // Every caller at least once: the first call fills caches.
                var load = new LoadGenerator(subject.Port, subject.Requests(kind));
                for (var sent = 0; sent <= subject.Callers.Count;)
                {
                    sent += (await load.RunAsync(16, WarmUp)).Latencies.Length;
                }
            }

            await subject.RestAsync();
        }
    }

    public static async Task<Measurement> RunAsync(IReadOnlyList<Subject> subjects, CallKind kind, int connections, BenchmarkOptions options)
    {
        var measurement = new Measurement(subjects);
        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var subject in subjects)
            {
                await measurement.SampleAsync(subject, kind, connections, TimeSpan.FromSeconds(options.Seconds));
            }
        }

        return measurement;
    }

    public Figures Of(string subject)
    {
        var of = _samples[subject];
        return new Figures(
            Median(of, sample => sample.Result.PerSecond),
            Median(of, sample => LoadResult.Percentile(sample.Result.Latencies, 0.5)),
            Median(of, sample => LoadResult.Percentile(sample.Result.Latencies, 0.99)),
            Median(of, sample => LoadResult.Percentile(sample.Result.FirstBytes, 0.5)),
            Median(of, sample => sample.Processor),
            Median(of, sample => sample.Resident));
    }

    private async Task SampleAsync(Subject subject, CallKind kind, int connections, TimeSpan duration)
    {
        var before = subject.ProcessorTime();
        var result = await new LoadGenerator(subject.Port, subject.Requests(kind)).RunAsync(connections, duration, kind.Spread);
        _samples[subject.Name].Add(new Sample(
            result, (subject.ProcessorTime() - before).TotalMicroseconds / result.Latencies.Length, subject.ResidentMebibytes()));
        await subject.RestAsync();
    }

    private static double Median(List<Sample> samples, Func<Sample, double> value)
    {
        var sorted = samples.Select(value).Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private sealed record Sample(LoadResult Result, double Processor, double Resident);
}

/// <param name="PerSecond">Calls per second.</param>
/// <param name="P50">Milliseconds to the end of a response.</param>
/// <param name="P99">Milliseconds to the end of a response.</param>
/// <param name="FirstByte">Milliseconds to the first byte of a body, p50.</param>
/// <param name="Processor">CPU time of the process per call, in microseconds.</param>
/// <param name="Resident">Resident memory of the process, in MiB.</param>
internal sealed record Figures(double PerSecond, double P50, double P99, double FirstByte, double Processor, double Resident);
