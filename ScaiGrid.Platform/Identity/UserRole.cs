using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>A role assigned to a user; see <see cref="Core.Identity.Roles"/>.</summary>
internal sealed class UserRole : ISnapshotted
{
    public required string UserId { get; init; }

    public required string Role { get; init; }
}

internal sealed class UserRoleConfiguration : IEntityTypeConfiguration<UserRole>
{
    public void Configure(EntityTypeBuilder<UserRole> builder)
    {
        builder.ToTable("user_roles");
        builder.HasKey(role => new { role.UserId, role.Role });
        builder.HasOne<User>().WithMany().HasForeignKey(role => role.UserId).OnDelete(DeleteBehavior.Cascade);
    }
}
