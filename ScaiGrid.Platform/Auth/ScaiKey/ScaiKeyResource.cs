using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>The latest state that ScaiKey reported of a resource, with its time: older events that arrive later have no effect.</summary>
internal sealed class ScaiKeyResource
{
    public required string Type { get; init; }

    public required string ExternalId { get; init; }

    public required DateTimeOffset ToldAt { get; set; }

    /// <summary>
    /// Whether it was active in ScaiKey; null if never reported. A repeated status changes nothing, so local suspensions and deletions stay.
    /// </summary>
    public bool? IsActive { get; set; }
}

internal sealed class ScaiKeyResourceConfiguration : IEntityTypeConfiguration<ScaiKeyResource>
{
    public void Configure(EntityTypeBuilder<ScaiKeyResource> builder)
    {
        builder.ToTable("scaikey_resources");
        builder.HasKey(row => new { row.Type, row.ExternalId });
        builder.Property(row => row.Type).IsUnicode(false).HasMaxLength(64);
        builder.Property(row => row.ExternalId).HasMaxLength(ExternalIds.MaxLength);

        // Of two concurrent events of one resource, the second one is retried and compared with the first.
        builder.Property(row => row.ToldAt).IsConcurrencyToken();
    }
}
