using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// A role for the members of a group. With <see cref="AutoRevoke"/> they have it as long as they are members and the mapping exists; without, it
/// is assigned when they become members, and stays.
/// </summary>
internal sealed class RoleMapping : ISnapshotted
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string GroupId { get; init; }

    /// <summary>A built-in role, see <see cref="Core.Identity.Roles"/>.</summary>
    public required string Role { get; init; }

    public required bool AutoRevoke { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string CreatedBy { get; init; }
}

internal sealed class RoleMappingConfiguration : IEntityTypeConfiguration<RoleMapping>
{
    public void Configure(EntityTypeBuilder<RoleMapping> builder)
    {
        builder.ToTable("role_mappings");
        builder.HasIndex(mapping => new { mapping.GroupId, mapping.Role }).IsUnique();
        builder.HasIndex(mapping => new { mapping.TenantId, mapping.Id });
        builder.HasOne<Group>().WithMany().HasForeignKey(mapping => mapping.GroupId).OnDelete(DeleteBehavior.Cascade);
    }
}
