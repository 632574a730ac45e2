namespace ScaiGrid.Core.Configuration;

/// <summary>The process cannot start as configured; the message lists every mistake.</summary>
public sealed class SettingsException(IEnumerable<string> mistakes)
    : Exception("The configuration is wrong:" + string.Concat(mistakes.Distinct().Select(mistake => $"{Environment.NewLine}  - {mistake}")))
{
    /// <summary>EX_CONFIG of sysexits.h.</summary>
    public const int ExitCode = 78;
}
