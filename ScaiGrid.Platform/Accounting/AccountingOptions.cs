using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Settings of the usage flush and of retention.</summary>
public sealed class AccountingOptions : IValidatableObject
{
    [Setting("SCAIGRID_USAGE_FLUSH_INTERVAL_S", "Seconds between two flushes of usage records from Redis to the database.")]
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan UsageFlushInterval { get; set; } = TimeSpan.FromSeconds(30);

    [Setting(
        "SCAIGRID_USAGE_RETENTION_DAYS",
        "Days for which single calls are kept; 0 for ever. Hourly and daily sums are kept, so summaries and budgets do not change.")]
    public int UsageRetentionDays { get; set; } = 400;

    /// <summary>The least retention: monthly budgets, in any time zone, read rows of at most this many days.</summary>
    private const int FewestDays = 35;

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (UsageRetentionDays is not 0 and (< FewestDays or > 36_500))
        {
            yield return new ValidationResult($"must be 0, or between {FewestDays} and 36500.", [nameof(UsageRetentionDays)]);
        }
    }
}
