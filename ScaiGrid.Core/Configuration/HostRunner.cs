namespace ScaiGrid.Core.Configuration;

/// <summary>Runs a host's main method and turns a wrong configuration into one readable message and exit code 78.</summary>
public static class HostRunner
{
    public static async Task<int> RunAsync(Func<Task<int>> main)
    {
        try
        {
            return await main();
        }
        catch (SettingsException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return SettingsException.ExitCode;
        }
    }
}
