namespace ScaiGrid.Core.Configuration;

/// <summary>
/// Runs a host's main method. A wrong configuration results in one readable message and exit code 78. Code that stops the host because of a
/// failure sets <see cref="Environment.ExitCode"/>, which is returned then.
/// </summary>
public static class HostRunner
{
    public static async Task<int> RunAsync(Func<Task<int>> main)
    {
        // By default the generic host watches the whole working folder for changes of its settings file and uses one of the system's few file
        // watchers. Settings are read once, at the start.
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
