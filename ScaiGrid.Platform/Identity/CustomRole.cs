using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>A role defined by a tenant: permissions in addition to those of built-in roles, in this tenant only.</summary>
internal sealed class CustomRole : ISnapshotted
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string Slug { get; init; }

    public required string Name { get; set; }

    public required string Description { get; set; }

    /// <summary>A JSON array.</summary>
    public required string CorePermissions { get; set; }

    /// <summary>A JSON array.</summary>
    public required string ModulePermissions { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class CustomRoleConfiguration : IEntityTypeConfiguration<CustomRole>
{
    public void Configure(EntityTypeBuilder<CustomRole> builder)
    {
        builder.ToTable("custom_roles");
        builder.HasIndex(role => new { role.TenantId, role.Slug }).IsUnique();
        builder.HasIndex(role => new { role.TenantId, role.Id });
        builder.HasOne<Tenant>().WithMany().HasForeignKey(role => role.TenantId).OnDelete(DeleteBehavior.Restrict);
    }
}
