using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>A module permission that is granted to a user directly.</summary>
internal sealed class UserModulePermission : ISnapshotted
{
    public required string UserId { get; init; }

    public required string Permission { get; init; }
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
