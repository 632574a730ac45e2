using ScaiGrid.AppHost;
using ScaiGrid.AppHost.Local;

var arguments = Arguments.Parse(args);
if (arguments.Help)
{
    Console.WriteLine(Arguments.Usage);
    return 0;
}

try
{
#if ASPIRE
    // Aspire has a command line of its own: publishers, steps, operations.
    if (!arguments.Local)
    {
        await AspireGraph.RunAsync(args);
        return 0;
    }
#endif
    if (arguments.Unknown is { } unknown)
    {
        await Console.Error.WriteLineAsync($"Unknown argument '{unknown}'. See --help.");
        return Arguments.UsageExitCode;
    }

    return await LocalGraph.RunAsync(TimeProvider.System);
}
catch (StartException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return exception.ExitCode;
}
