using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Bounds of a call.</summary>
public sealed class InferenceOptions
{
    [Setting("SCAIGRID_DISPATCH_TIMEOUT_S", "Timeout for an upstream's whole answer, and for the first event of a stream, in each attempt; comments are no events.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan DispatchTimeout { get; set; } = TimeSpan.FromSeconds(120);

    [Setting("SCAIGRID_DISPATCH_IDLE_TIMEOUT_S", "Timeout for an upstream's next bytes within a stream.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(120);

    [Setting(
        "DISPATCH_STREAM_TIMEOUT_S",
        "Maximum duration of a stream, and of all attempts of a call together; the reverse proxy's read timeout must be greater. If `SCAIGRID_DISPATCH_TIMEOUT_S` is longer, it bounds all attempts instead.",
        Aliases = ["SCAIGRID_DISPATCH_STREAM_TIMEOUT_S"])]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan StreamTimeout { get; set; } = TimeSpan.FromSeconds(600);

    /// <summary>The longest that the attempts of a call may take together.</summary>
    public TimeSpan LongestCall => StreamTimeout > DispatchTimeout ? StreamTimeout : DispatchTimeout;

    [Setting("SCAIGRID_ALLOW_PRIVATE_UPSTREAMS", "Whether upstream addresses may be private or loopback. Link-local addresses and the metadata addresses of clouds are never allowed.")]
    public bool AllowPrivateUpstreams { get; set; } = true;

    [Setting("SCAIGRID_REQUEST_IDLE_TIMEOUT_S", "Timeout for the next bytes of the body of a call that runs a model, and of an uploaded file; then the answer is 408. Also for messages over gRPC; then it is DEADLINE_EXCEEDED.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "01:00:00")]
    public TimeSpan RequestIdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    [Setting("SCAIGRID_REQUEST_BODIES_MB", "Memory, in MiB, for the JSON bodies and gRPC messages over 1 MiB of all calls of models that a process has in progress; a call beyond it is answered with 503. Copies for upstreams are not counted.")]
    [Range(32, 1_000_000)]
    public int RequestBodiesMegabytes { get; set; } = 1024;

    /// <summary>Largest request body of the chat surfaces, in bytes.</summary>
    public const int MaxRequestBytes = 32 * 1024 * 1024;

    /// <summary>Largest whole answer, and largest single event of a stream, that is accepted from an upstream, in bytes.</summary>
    public const int MaxUpstreamBytes = 64 * 1024 * 1024;

    /// <summary>Most backends that one call is sent to.</summary>
    public const int MaxAttempts = 3;

    /// <summary>A comment line is sent after this much silence in a stream, so that proxies do not close it as idle.</summary>
    public static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);
}
