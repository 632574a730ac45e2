namespace ScaiGrid.AppHost;

/// <summary>The graph cannot start or continue; the message tells the user why, and what to change.</summary>
internal sealed class StartException(string message, int exitCode) : Exception(message)
{
    /// <summary>EX_CONFIG in sysexits.h, which the hosts use for wrong settings as well.</summary>
    public const int ConfigurationExitCode = 78;

    public int ExitCode { get; } = exitCode;
}
