using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// A change of the snapshot in a revision. For a revision without one, what changed is unknown, and everything is read again.
/// </summary>
internal sealed class SnapshotChange
{
    /// <summary>Instead of a kind or an owner: all of them.</summary>
    public const string Any = "*";

    public const int MaxLength = 64;

    public required long Revision { get; init; }

    /// <summary>The table's name.</summary>
    public required string Kind { get; init; }

    /// <summary>The first column of the row's primary key: the id of the row itself, or of what it belongs to.</summary>
    public required string Owner { get; init; }
}

internal sealed class SnapshotChangeConfiguration : IEntityTypeConfiguration<SnapshotChange>
{
    public void Configure(EntityTypeBuilder<SnapshotChange> builder)
    {
        builder.ToTable("snapshot_changes");
        builder.HasKey(change => new { change.Revision, change.Kind, change.Owner });
        builder.Property(change => change.Kind).IsUnicode(false).HasMaxLength(SnapshotChange.MaxLength);
        builder.Property(change => change.Owner).IsUnicode(false).HasMaxLength(SnapshotChange.MaxLength);
    }
}
