namespace ScaiGrid.Core.Configuration;

/// <summary>
/// Runs a host's main method and turns a wrong configuration into one readable message and exit code 78. What ended the process by
/// itself has left its code in <see cref="Environment.ExitCode"/>.
/// </summary>
public static class HostRunner
{
    public static async Task<int> RunAsync(Func<Task<int>> main)
    {
        try
        {
            return await main() is not 0 and var exitCode ? exitCode : Environment.ExitCode;
        }
        catch (SettingsException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return SettingsException.ExitCode;
        }
    }
}
