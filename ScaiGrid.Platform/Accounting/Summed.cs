namespace ScaiGrid.Platform.Accounting;

/// <summary>What was summed over usage.</summary>
/// <param name="Value">The sums.</param>
/// <param name="IsWhole">False if calls that wait in Redis may be missing: the sums are then too low.</param>
internal readonly record struct Summed<T>(T Value, bool IsWhole);
