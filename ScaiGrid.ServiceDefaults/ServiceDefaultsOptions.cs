namespace ScaiGrid.ServiceDefaults;

/// <summary>A host's parameters of the service defaults.</summary>
public sealed class ServiceDefaultsOptions
{
    /// <summary>The service's name in traces, metrics and logs.</summary>
    public required string ServiceName { get; init; }

    /// <summary>How long a draining process lets running requests finish.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>Meters to export; <c>*</c> is a wildcard.</summary>
    public IReadOnlyList<string> Meters { get; init; } = ["ScaiGrid*"];

    /// <summary>Activity sources to export; <c>*</c> is a wildcard.</summary>
    public IReadOnlyList<string> ActivitySources { get; init; } = ["ScaiGrid*"];
}
