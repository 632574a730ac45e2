using ScaiGrid.Benchmarks;

// The driver starts the others as processes of their own, so that each one's processor time and memory can be told apart.
switch (args)
{
    case ["upstream", var port]:
        await MockUpstream.RunAsync(port);
        return 0;
    case ["yarp", var port, var upstream]:
        await YarpProxy.RunAsync(port, upstream);
        return 0;
    default:
        if (BenchmarkOptions.Parse(args) is not { } options)
        {
            await Console.Error.WriteLineAsync(BenchmarkOptions.Usage);
            return 64;
        }

        await Comparison.RunAsync(options);
        return 0;
}
