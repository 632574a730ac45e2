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
    // Aspire has a command line of its own: publishers, steps, operations. Only a plain run can do without an engine.
    if (!arguments.Local)
    {
        if (args.Length > 0 || await ContainerEngine.AnswersAsync())
        {
            await AspireGraph.RunAsync(args);
            return 0;
        }

        Console.WriteLine("No container engine answers: everything runs as local processes.");
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
