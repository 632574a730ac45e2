using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>A tenant's receiver of events.</summary>
internal sealed class Webhook
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string PartnerId { get; init; }

    public required string Url { get; set; }

    /// <summary>A JSON array of event types, prefixes (<c>budget.*</c>) and <c>*</c>.</summary>
    public required string Events { get; set; }

    /// <summary>Encrypted by <see cref="Core.Security.SecretBox"/> with the webhook's id as owner.</summary>
    public required string Secret { get; set; }

    public required string Status { get; set; }

    public required int MaxRetries { get; set; }

    public int ConsecutiveFailures { get; set; }

    public string? DisabledReason { get; set; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public static IReadOnlyList<string> ReadEvents(string events) => JsonSerializer.Deserialize<string[]>(events) ?? [];
}

internal static class WebhookStatus
{
    public const string Active = "active";

    /// <summary>Paused by a user: events that occur in the meantime are not delivered later.</summary>
    public const string Paused = "paused";

    /// <summary>Disabled by us after too many failures in a row; a user has to activate it again.</summary>
    public const string Disabled = "disabled";
}

internal sealed class WebhookConfiguration : IEntityTypeConfiguration<Webhook>
{
    public void Configure(EntityTypeBuilder<Webhook> builder)
    {
        builder.ToTable("webhooks");
        builder.HasIndex(webhook => new { webhook.TenantId, webhook.Id });
    }
}
