namespace ScaiGrid.Tests.Support;

/// <summary>The modes of ScaiGrid, each a separate program.</summary>
public enum Mode
{
    Http,
    Grpc,
    Worker,
    BunkerProxy,
    Migrate,
}

internal static class ModeFacts
{
    /// <summary>The program, which the build puts next to the tests.</summary>
    public static string Program(this Mode mode) => Path.Combine(AppContext.BaseDirectory, mode switch
    {
        Mode.Http => "ScaiGrid.Api.dll",
        Mode.Grpc => "ScaiGrid.Grpc.dll",
        Mode.Worker => "ScaiGrid.Worker.dll",
        Mode.BunkerProxy => "ScaiGrid.BunkerProxy.dll",
        _ => "ScaiGrid.Migrator.dll",
    });

    /// <summary>The setting of the mode's port.</summary>
    public static string PortVariable(this Mode mode) => mode switch
    {
        Mode.Http => "SCAIGRID_HTTP_PORT",
        Mode.Grpc => "SCAIGRID_GRPC_PORT",
        Mode.Worker => "SCAIGRID_WORKER_PORT",
        Mode.BunkerProxy => "SCAIGRID_BUNKER_PROXY_PORT",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "The mode does not listen."),
    };
}
