namespace ScaiGrid.AppHost;

/// <summary>The command line of the local graph.</summary>
internal sealed record Arguments(bool Help, bool Local, string? Unknown)
{
    public const int UsageExitCode = 64;

    public const string Usage = """
        Starts ScaiGrid whole: migrate, then http, grpc, worker and bunker_proxy, and an identity provider for development.

        dotnet run --project ScaiGrid.AppHost [-- --local]

          --local   local processes with SQLite, an embedded Redis and blobs on disk; the default where no container engine is
          --help    this text

        Settings are environment variables, among them:
          SCAIGRID_DATA_DIR            folder for all files (.scaigrid)
          SCAIGRID_HTTP_PORT           8000
          SCAIGRID_GRPC_PORT           50051
          SCAIGRID_BUNKER_PROXY_PORT   8001
          SCAIGRID_WORKER_PORT         8002, else a free one; health and metrics only
          SCAIGRID_DEV_IDENTITY_PORT   8003, else a free one; left out where SCAIGRID_SCAIKEY_ISSUER is set
          SCAIGRID_BOOTSTRAP_API_KEY   first API key: sgk_ and 32 or more of A-Z a-z 0-9 _ - (generated)
          SCAIGRID_DATABASE_URL, SCAIGRID_REDIS_URL, SCAIGRID_S3_*   used instead of the embedded ones when set
        """;

    public static Arguments Parse(string[] args) => new(
        args.Contains("--help") || args.Contains("-h"),
        args.Contains("--local"),
        args.FirstOrDefault(argument => argument is not ("--help" or "-h" or "--local")));
}
