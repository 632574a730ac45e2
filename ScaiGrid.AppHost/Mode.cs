namespace ScaiGrid.AppHost;

/// <summary>One runtime mode. One without a port runs once and ends.</summary>
internal sealed record Mode(string Name, string Project, Needs Needs)
{
    public const string ReadyPath = "/health/ready";

    public PortSetting? Port { get; init; }

    public IReadOnlyList<Mode> WaitsFor { get; init; } = [];

    /// <summary>Whether callers from outside reach it.</summary>
    public bool IsPublic { get; init; }

    public bool Requires(Needs need) => (Needs & need) != 0;
}

/// <summary>The variable that sets a port, its default, and whether only HTTP/2 is spoken there.</summary>
internal sealed record PortSetting(string Variable, int Default)
{
    public bool IsHttp2 { get; init; }

    /// <summary>Nobody but the grid itself calls it: where the default is taken and none was asked for, any other will do.</summary>
    public bool MayMove { get; init; }
}
