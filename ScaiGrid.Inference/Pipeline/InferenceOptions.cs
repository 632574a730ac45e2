using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Bounds of a call.</summary>
public sealed class InferenceOptions
{
    [Setting("SCAIGRID_DISPATCH_TIMEOUT_S", "Longest wait for a non-streamed upstream answer, and for the first byte of a stream.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan DispatchTimeout { get; set; } = TimeSpan.FromSeconds(120);

    [Setting("SCAIGRID_DISPATCH_IDLE_TIMEOUT_S", "Longest silence of an upstream inside a stream.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(120);

    [Setting(
        "DISPATCH_STREAM_TIMEOUT_S",
        "Longest stream; the reverse proxy's read timeout must be greater.",
        Aliases = ["SCAIGRID_DISPATCH_STREAM_TIMEOUT_S"])]
    [Range(typeof(TimeSpan), "00:00:00.1", "1.00:00:00")]
    public TimeSpan StreamTimeout { get; set; } = TimeSpan.FromSeconds(600);

    [Setting("SCAIGRID_ALLOW_PRIVATE_UPSTREAMS", "Whether upstream addresses may be private or loopback. Link-local and clouds' metadata addresses never may.")]
    public bool AllowPrivateUpstreams { get; set; } = true;

    /// <summary>Largest request body of the chat surfaces, in bytes.</summary>
    public const int MaxRequestBytes = 32 * 1024 * 1024;

    /// <summary>Largest whole answer, and largest single event of a stream, that is accepted from an upstream, in bytes.</summary>
    public const int MaxUpstreamBytes = 64 * 1024 * 1024;

    /// <summary>Most backends that one call is sent to.</summary>
    public const int MaxAttempts = 3;

    /// <summary>A comment line is sent after this much silence in a stream, so that proxies do not close it as idle.</summary>
    public static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(15);
}
