using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>A person or service account; belongs to exactly one tenant.</summary>
internal sealed class User : ISnapshotted
{
    public static readonly DateTimeOffset NotDeleted = DateTimeOffset.UnixEpoch;

    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>The identity provider's id (<c>sub</c>), unique in the tenant; null for a user created here.</summary>
    public string? ExternalId { get; set; }

    /// <summary>In lower case; unique among the tenant's users who are not deleted.</summary>
    public required string Email { get; set; }

    public required string DisplayName { get; set; }

    /// <summary>One of <see cref="UserStatus"/>.</summary>
    public string Status { get; set; } = UserStatus.Active;

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>
    /// <see cref="NotDeleted"/> until the user is deleted. Part of the unique key of e-mail addresses, in which nulls would not count as equal.
    /// </summary>
    public DateTimeOffset DeletedAt { get; set; } = NotDeleted;
}

internal static class UserStatus
{
    public const string Active = "active";
    public const string Suspended = "suspended";
    public const string Deleted = "deleted";
}

internal sealed class UserConfiguration : IEntityTypeConfiguration<User>
{
    public void Configure(EntityTypeBuilder<User> builder)
    {
        builder.ToTable("users");
        builder.Property(user => user.ExternalId).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(user => new { user.TenantId, user.ExternalId }).IsUnique();
        builder.HasIndex(user => new { user.TenantId, user.Email, user.DeletedAt }).IsUnique();
        builder.HasOne<Tenant>().WithMany().HasForeignKey(user => user.TenantId).OnDelete(DeleteBehavior.Restrict);
    }
}
