using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>A group of models that are allowed or blocked together.</summary>
internal sealed class ModelGroup
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    public string Description { get; set; } = "";

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class ModelGroupMember : ISnapshotted
{
    public required string GroupId { get; init; }

    public required string ModelId { get; init; }
}

internal sealed class ModelGroupConfiguration : IEntityTypeConfiguration<ModelGroup>
{
    public void Configure(EntityTypeBuilder<ModelGroup> builder)
    {
        builder.ToTable("model_groups");
        builder.HasIndex(group => group.Name).IsUnique();
    }
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
