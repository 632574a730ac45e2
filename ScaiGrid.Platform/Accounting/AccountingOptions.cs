using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Accounting;

/// <summary>How usage gets to the database.</summary>
public sealed class AccountingOptions
{
    [Setting("SCAIGRID_USAGE_FLUSH_INTERVAL_S", "Seconds between two flushes of usage records from Redis to the database.")]
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UsageFlushInterval { get; set; } = TimeSpan.FromSeconds(30);
}
