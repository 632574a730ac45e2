using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>A received event of ScaiKey, stored so that a second delivery has no effect.</summary>
internal sealed class ScaiKeyEventRow
{
    public const int IdLength = 128;

    public required string EventId { get; init; }

    public required DateTimeOffset ReceivedAt { get; init; }
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
