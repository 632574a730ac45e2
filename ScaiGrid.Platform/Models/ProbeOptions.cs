using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Models;

/// <summary>Settings of the worker's probes of upstreams.</summary>
public sealed class ProbeOptions
{
    [Setting("SCAIGRID_PROBE_INTERVAL_S", "Seconds between two rounds of asking upstreams behind open circuits whether they are there again.")]
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);
}
