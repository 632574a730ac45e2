using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>One event for one webhook, and the result of sending it. Kept for 30 days, even if the webhook is deleted.</summary>
internal sealed class WebhookDelivery
{
    public required string Id { get; init; }

    public required string WebhookId { get; init; }

    public required string TenantId { get; init; }

    public required string EventId { get; init; }

    public required string EventType { get; init; }

    /// <summary>The request body, byte for byte.</summary>
    public required string Body { get; init; }

    public required string Status { get; set; }

    /// <summary>The number of attempts so far.</summary>
    public int Attempts { get; set; }

    /// <summary>The status of the last attempt; null if there was no response.</summary>
    public int? StatusCode { get; set; }

    /// <summary>The duration of the last attempt.</summary>
    public int? DurationMs { get; set; }

    public string? Error { get; set; }

    public DateTimeOffset? NextAttemptAt { get; set; }

    public DateTimeOffset? CompletedAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal static class DeliveryStatus
{
    public const string Pending = "pending";
    public const string Success = "success";
    public const string Failed = "failed";
}

internal sealed class WebhookDeliveryConfiguration : IEntityTypeConfiguration<WebhookDelivery>
{
    public void Configure(EntityTypeBuilder<WebhookDelivery> builder)
    {
        builder.ToTable("webhook_deliveries");
        builder.HasIndex(delivery => new { delivery.WebhookId, delivery.Id });
        builder.HasIndex(delivery => new { delivery.WebhookId, delivery.Status, delivery.Id });
    }
}
