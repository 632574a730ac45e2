using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Batch;

/// <summary>Settings of the prices and the concurrency of batches.</summary>
public sealed class BatchOptions
{
    [Setting("SCAIGRID_BATCH_PRICE_PERCENT_24H", "Price of the calls of a batch with a window of 24 hours, in percent of the normal price.")]
    [Range(0, 1000)]
    public int PricePercent24h { get; set; } = 50;

    [Setting("SCAIGRID_BATCH_PRICE_PERCENT_4H", "The same for a window of 4 hours.")]
    [Range(0, 1000)]
    public int PricePercent4h { get; set; } = 50;

    [Setting("SCAIGRID_BATCH_PRICE_PERCENT_1H", "The same for a window of 1 hour.")]
    [Range(0, 1000)]
    public int PricePercent1h { get; set; } = 50;

    [Setting("SCAIGRID_BATCH_CONCURRENCY", "Maximum number of batch calls that one worker makes at the same time.")]
    [Range(1, 1000)]
    public int BatchConcurrency { get; set; } = 32;

    [Setting("SCAIGRID_OPEN_BATCHES_PER_TENANT", "Maximum number of batches of a tenant that have not ended; 0 for no limit.")]
    [Range(0, 1_000_000)]
    public int OpenBatchesPerTenant { get; set; } = 100;

    [Setting("SCAIGRID_BATCH_ALLOW_PRIVATE", "Whether the input of batches may also be fetched over http, and from loopback and private addresses.")]
    public bool BatchAllowPrivate { get; set; }

    public int PricePercent(string window) => window switch
    {
        "1h" => PricePercent1h,
        "4h" => PricePercent4h,
        _ => PricePercent24h,
    };

    public static TimeSpan Length(string window) => window switch
    {
        "1h" => TimeSpan.FromHours(1),
        "4h" => TimeSpan.FromHours(4),
        _ => TimeSpan.FromHours(24),
    };
}
