namespace ScaiGrid.AppHost;

/// <summary>The graph cannot start or go on; the message tells the user why and what to change.</summary>
internal sealed class StartException(string message, int exitCode) : Exception(message)
{
    /// <summary>EX_CONFIG of sysexits.h, as the hosts answer a wrong setting.</summary>
    public const int ConfigurationExitCode = 78;

    public int ExitCode { get; } = exitCode;
}
