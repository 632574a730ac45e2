using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>A user's custom role.</summary>
internal sealed class UserCustomRole : ISnapshotted
{
    public required string UserId { get; init; }

    public required string CustomRoleId { get; init; }
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
