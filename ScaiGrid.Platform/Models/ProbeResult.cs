namespace ScaiGrid.Platform.Models;

/// <param name="IsAlive">Whether the upstream is reachable.</param>
/// <param name="Detail">An explanation for people.</param>
/// <param name="LatencyMs">The duration of the probe.</param>
internal sealed record ProbeResult(bool IsAlive, string Detail, double LatencyMs);
