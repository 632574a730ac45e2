namespace ScaiGrid.AppHost;

/// <summary>
/// The five modes: what each needs, waits for and listens on. Used by both the Aspire graph and the local graph.
/// </summary>
internal static class ModeGraph
{
    private const Needs Serving =
        Needs.Database | Needs.Redis | Needs.Blobs | Needs.SecretKey | Needs.CapabilityKey | Needs.ServiceTokens | Needs.SearchStores | Needs.IdentityProvider;

    public static readonly Mode Migrate = new("migrate", "ScaiGrid.Migrator", Needs.Database | Needs.BootstrapKey);

    public static readonly Mode Http = new("http", "ScaiGrid.Api", Serving)
    {
        Port = new PortSetting("SCAIGRID_HTTP_PORT", 8000),
        WaitsFor = [Migrate],
        IsPublic = true,
    };

    public static readonly Mode Grpc = new("grpc", "ScaiGrid.Grpc", Serving)
    {
        Port = new PortSetting("SCAIGRID_GRPC_PORT", 50051) { IsHttp2 = true },
        WaitsFor = [Migrate],
    };

    public static readonly Mode Worker = new("worker", "ScaiGrid.Worker", Serving)
    {
        Port = new PortSetting("SCAIGRID_WORKER_PORT", 8002) { MayMove = true },
        WaitsFor = [Migrate],
    };

    /// <summary>Serves blobs to holders of capabilities. It gets neither the database nor Redis (spec 10).</summary>
    public static readonly Mode BunkerProxy = new("bunker_proxy", "ScaiGrid.BunkerProxy", Needs.Blobs | Needs.CapabilityKey)
    {
        Port = new PortSetting("SCAIGRID_BUNKER_PROXY_PORT", 8001),
        IsPublic = true,
    };

    /// <summary>Not a mode, and never published: an identity provider for the local graph, so that sign-in can be tried on a laptop.</summary>
    public static readonly Mode DevIdentity = new("identity", "ScaiGrid.DevIdentity", Needs.IdentityProvider)
    {
        Port = new PortSetting("SCAIGRID_DEV_IDENTITY_PORT", 8003) { MayMove = true },
        IsPublic = true,
    };

    public static readonly IReadOnlyList<Mode> All = [Migrate, Http, Grpc, Worker, BunkerProxy];

    public static readonly IReadOnlyList<Mode> Servers = [Http, Grpc, Worker, BunkerProxy];
}
