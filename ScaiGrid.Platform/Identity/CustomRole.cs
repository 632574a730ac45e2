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

/// <summary>A user's custom role.</summary>
internal sealed class UserCustomRole : ISnapshotted
{
    public required string UserId { get; init; }

    public required string CustomRoleId { get; init; }
}

/// <summary>A module permission that is granted to a user directly.</summary>
internal sealed class UserModulePermission : ISnapshotted
{
    public required string UserId { get; init; }

    public required string Permission { get; init; }
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

internal sealed class UserCustomRoleConfiguration : IEntityTypeConfiguration<UserCustomRole>
{
    public void Configure(EntityTypeBuilder<UserCustomRole> builder)
    {
        builder.ToTable("user_custom_roles");
        builder.HasKey(role => new { role.UserId, role.CustomRoleId });
        builder.HasOne<User>().WithMany().HasForeignKey(role => role.UserId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<CustomRole>().WithMany().HasForeignKey(role => role.CustomRoleId).OnDelete(DeleteBehavior.Cascade);
    }
}

internal sealed class UserModulePermissionConfiguration : IEntityTypeConfiguration<UserModulePermission>
{
    public void Configure(EntityTypeBuilder<UserModulePermission> builder)
    {
        builder.ToTable("user_module_permissions");
        builder.HasKey(grant => new { grant.UserId, grant.Permission });
        builder.Property(grant => grant.Permission).IsUnicode(false).HasMaxLength(128);
        builder.HasOne<User>().WithMany().HasForeignKey(grant => grant.UserId).OnDelete(DeleteBehavior.Cascade);
    }
}
