using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using ScaiGrid.Benchmarks.Micro;
using ScaiGrid.Benchmarks;

// The driver starts the others as separate processes, so that their CPU time and memory can be measured separately.
switch (args)
{
    case ["upstream", var port]:
        await MockUpstream.RunAsync(port);
        return 0;
    case ["yarp", var port, var upstream]:
        await YarpProxy.RunAsync(port, upstream);
        return 0;
    case ["micro"]:
        // In this process, because BenchmarkDotNet would generate a project outside of the repository's configuration.
        BenchmarkRunner.Run<HotPathBenchmarks>(DefaultConfig.Instance.WithArtifactsPath(Path.Combine(Path.GetTempPath(), "scaigrid-micro")).AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance)));
        return 0;
    default:
        if (BenchmarkOptions.Parse(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(BenchmarkOptions.Usage);
            return 64;
        }

        Console.WriteLine($"{Machine.Describe()}; {options.Rounds} rounds of {options.Seconds} s, medians");
        Console.WriteLine();
        if (options.Calls.Any(call => call is "chat" or "stream" or "paced"))
        {
            await Comparison.RunAsync(options);
        }

        if (options.Calls.Contains("scale"))
        {
            await ScaleComparison.RunAsync(options);
        }

        if (options.Calls.Contains("memory"))
        {
            await MemoryRun.RunAsync(options);
        }

        return 0;
}
