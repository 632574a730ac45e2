namespace ScaiGrid.Core.Configuration;

/// <summary>
/// Runs a host's main method and turns a wrong configuration into one readable message and exit code 78. What ended the process by
/// itself has left its code in <see cref="Environment.ExitCode"/>.
/// </summary>
public static class HostRunner
{
    public static async Task<int> RunAsync(Func<Task<int>> main)
    {
        // The generic host watches its folder for a settings file that changes: it walks all of the working folder for that, whatever is in it, and takes one
        // of the few watchers that a system has. Settings are read once, at the start.
        Environment.SetEnvironmentVariable("DOTNET_hostBuilder__reloadConfigOnChange", "false");
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
