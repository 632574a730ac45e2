using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>An event of ScaiKey's that was received: a second delivery has no effect.</summary>
internal sealed class ScaiKeyEventRow
{
    public const int IdLength = 128;

    public required string EventId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }
}

/// <summary>What ScaiKey last told of a resource, and of which moment: what comes later and is older has no effect.</summary>
internal sealed class ScaiKeyResource
{
    public required string Type { get; init; }

    public required string ExternalId { get; init; }

    public required DateTimeOffset ToldAt { get; set; }

    /// <summary>Whether it was active there. Said once more it changes nothing: who was suspended or deleted here meanwhile stays so. Null while nothing was said.</summary>
    public bool? IsActive { get; set; }
}

internal sealed class ScaiKeyEventRowConfiguration : IEntityTypeConfiguration<ScaiKeyEventRow>
{
    public void Configure(EntityTypeBuilder<ScaiKeyEventRow> builder)
    {
        builder.ToTable("scaikey_events");
        builder.HasKey(row => row.EventId);
        builder.Property(row => row.EventId).IsUnicode(false).HasMaxLength(ScaiKeyEventRow.IdLength);
    }
}

internal sealed class ScaiKeyResourceConfiguration : IEntityTypeConfiguration<ScaiKeyResource>
{
    public void Configure(EntityTypeBuilder<ScaiKeyResource> builder)
    {
        builder.ToTable("scaikey_resources");
        builder.HasKey(row => new { row.Type, row.ExternalId });
        builder.Property(row => row.Type).IsUnicode(false).HasMaxLength(64);
        builder.Property(row => row.ExternalId).HasMaxLength(ExternalIds.MaxLength);

        // Two events of one resource at the same time: the one that comes second looks again whether it is the newer.
        builder.Property(row => row.ToldAt).IsConcurrencyToken();
    }
}
