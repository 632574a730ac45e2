using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>A group directly inside another group.</summary>
internal sealed class GroupChild : ISnapshotted
{
    public required string GroupId { get; init; }

    public required string ChildId { get; init; }
}

internal sealed class GroupChildConfiguration : IEntityTypeConfiguration<GroupChild>
{
    public void Configure(EntityTypeBuilder<GroupChild> builder)
    {
        builder.ToTable("user_group_children");
        builder.HasKey(child => new { child.GroupId, child.ChildId });
        builder.HasOne<Group>().WithMany().HasForeignKey(child => child.GroupId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Group>().WithMany().HasForeignKey(child => child.ChildId).OnDelete(DeleteBehavior.Cascade);
    }
}
