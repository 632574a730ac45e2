using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Data;

/// <summary>The only row of its table: counts the changes of the hot path's snapshot.</summary>
internal sealed class SnapshotRevision
{
    public const int RowId = 1;

    public required int Id { get; init; }

    public required long Revision { get; set; }
}

internal sealed class SnapshotRevisionConfiguration : IEntityTypeConfiguration<SnapshotRevision>
{
    public void Configure(EntityTypeBuilder<SnapshotRevision> builder)
    {
        builder.ToTable("snapshot_revision");
        builder.Property(row => row.Id).ValueGeneratedNever();
    }
}
