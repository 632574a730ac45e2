namespace ScaiGrid.AppHost;

/// <summary>A runtime mode. A mode without a port runs once and ends.</summary>
internal sealed record Mode(string Name, string Project, Needs Needs)
{
    public const string ReadyPath = "/health/ready";

    public PortSetting? Port { get; init; }

    public IReadOnlyList<Mode> WaitsFor { get; init; } = [];

    /// <summary>Whether it is reachable from outside.</summary>
    public bool IsPublic { get; init; }

    public bool Requires(Needs need) => (Needs & need) != 0;
}

/// <summary>The variable and the default of a port.</summary>
internal sealed record PortSetting(string Variable, int Default)
{
    public bool IsHttp2 { get; init; }

    /// <summary>Whether another port may be used if the default is taken and none was configured: only the grid itself uses it.</summary>
    public bool MayMove { get; init; }
}
