using System.ComponentModel.DataAnnotations;
using System.Net;

namespace ScaiGrid.Core.Configuration;

/// <summary>Settings of every host: where it listens, how it stops, and where it keeps its files.</summary>
public sealed class HostSettings : IValidatableObject
{
    /// <summary>The <see cref="ListenAddress"/> for all addresses of the machine.</summary>
    public const string AnyAddress = "*";

    /// <summary>The <see cref="ListenAddress"/> for the loopback interface, IPv4 and IPv6.</summary>
    public const string Localhost = "localhost";

    [Setting(
        "SCAIGRID_LISTEN_ADDRESS",
        "Address on which the process listens: an IP address of the machine, `localhost`, or `*` for all addresses. The AppHost sets `localhost` unless this variable is set.")]
    public string ListenAddress { get; set; } = AnyAddress;

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

    [Setting("SCAIGRID_DRAIN_TIMEOUT_S", "Time that running requests and streams have to finish while a replica drains.")]
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(600);

    [Setting("SCAIGRID_DATA_DIR", "Folder for local journals, and for all files of embedded use.")]
    public string DataDirectory { get; set; } = ".scaigrid";

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        // IPAddress.TryParse accepts a plain number as well, which is probably meant as a port.
        if (ListenAddress is not (AnyAddress or Localhost) && !(IPAddress.TryParse(ListenAddress, out _) && ListenAddress.AsSpan().ContainsAny('.', ':')))
        {
            yield return new ValidationResult($"'{ListenAddress}' is neither an IP address nor {Localhost} nor {AnyAddress}.", [nameof(ListenAddress)]);
        }
    }
}
