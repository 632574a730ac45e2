using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

internal sealed class ModelGroupMember : ISnapshotted
{
    public required string GroupId { get; init; }

    public required string ModelId { get; init; }
}

internal sealed class ModelGroupMemberConfiguration : IEntityTypeConfiguration<ModelGroupMember>
{
    public void Configure(EntityTypeBuilder<ModelGroupMember> builder)
    {
        builder.ToTable("model_group_members");
        builder.HasKey(member => new { member.GroupId, member.ModelId });
        builder.HasOne<ModelGroup>().WithMany().HasForeignKey(member => member.GroupId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Model>().WithMany().HasForeignKey(member => member.ModelId).OnDelete(DeleteBehavior.Cascade);
    }
}
