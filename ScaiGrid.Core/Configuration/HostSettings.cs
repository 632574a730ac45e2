using System.ComponentModel.DataAnnotations;

namespace ScaiGrid.Core.Configuration;

/// <summary>What every host needs to know of itself: where it listens, how it stops, where it keeps its files.</summary>
public sealed class HostSettings
{
    [Setting("SCAIGRID_HTTP_PORT", "Port of mode http.")]
    [Range(1, 65535)]
    public int HttpPort { get; set; } = 8000;

    [Setting("SCAIGRID_GRPC_PORT", "Port of mode grpc.")]
    [Range(1, 65535)]
    public int GrpcPort { get; set; } = 50051;

    [Setting("SCAIGRID_BUNKER_PROXY_PORT", "Port of mode bunker_proxy.")]
    [Range(1, 65535)]
    public int BunkerProxyPort { get; set; } = 8001;

    [Setting("SCAIGRID_WORKER_PORT", "Port of mode worker: health and metrics only.")]
    [Range(1, 65535)]
    public int WorkerPort { get; set; } = 8002;

    [Setting("SCAIGRID_DRAIN_TIMEOUT_S", "How long a draining replica lets running requests and streams finish.")]
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(600);

    [Setting("SCAIGRID_DATA_DIR", "Folder for the files of embedded use and for local journals.")]
    public string DataDirectory { get; set; } = ".scaigrid";
}
