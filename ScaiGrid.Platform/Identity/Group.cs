using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// A group of a tenant's users, managed by its identity provider. Groups may be nested: members of the inner group are members of the outer one.
/// </summary>
internal sealed class Group
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>The identity provider's id.</summary>
    public string? ExternalId { get; set; }

    public required string Name { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>A direct member of a group.</summary>
internal sealed class GroupMember : ISnapshotted
{
    public required string UserId { get; init; }

    public required string GroupId { get; init; }
}

/// <summary>A group directly inside another group.</summary>
internal sealed class GroupChild : ISnapshotted
{
    public required string GroupId { get; init; }

    public required string ChildId { get; init; }
}

internal sealed class GroupConfiguration : IEntityTypeConfiguration<Group>
{
    public void Configure(EntityTypeBuilder<Group> builder)
    {
        builder.ToTable("user_groups");
        builder.Property(group => group.ExternalId).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(group => new { group.TenantId, group.ExternalId }).IsUnique();
        builder.HasIndex(group => new { group.TenantId, group.Id });
        builder.HasOne<Tenant>().WithMany().HasForeignKey(group => group.TenantId).OnDelete(DeleteBehavior.Restrict);
    }
}

internal sealed class GroupMemberConfiguration : IEntityTypeConfiguration<GroupMember>
{
    public void Configure(EntityTypeBuilder<GroupMember> builder)
    {
        builder.ToTable("user_group_members");
        builder.HasKey(member => new { member.UserId, member.GroupId });
        builder.HasOne<Group>().WithMany().HasForeignKey(member => member.GroupId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<User>().WithMany().HasForeignKey(member => member.UserId).OnDelete(DeleteBehavior.Cascade);
    }
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
