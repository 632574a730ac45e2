namespace ScaiGrid.Core.Configuration;

/// <summary>Thrown at start if the configuration is wrong; the message lists every mistake.</summary>
public sealed class SettingsException(IEnumerable<string> mistakes)
    : Exception("The configuration is wrong:" + string.Concat(mistakes.Distinct().Select(mistake => $"{Environment.NewLine}  - {mistake}")))
{
    /// <summary>EX_CONFIG in sysexits.h.</summary>
    public const int ExitCode = 78;
}
