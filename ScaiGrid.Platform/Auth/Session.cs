using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth;

/// <summary>A signed-in user's session: from sign-in to logout, reuse of a refresh token, or expiry. Its tokens are not stored.</summary>
internal sealed class Session
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    /// <summary>Hash of the only valid refresh token; all other tokens of the session have been used.</summary>
    public required string RefreshHash { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset RefreshedAt { get; set; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>One of <see cref="SessionEnd"/>.</summary>
    public string? EndReason { get; set; }

    public string? IpAddress { get; init; }

    public string? UserAgent { get; init; }
}

internal static class SessionEnd
{
    public const string Logout = "logout";
    public const string RefreshReused = "refresh_reused";
    public const string UserClosed = "user_closed";
}

internal sealed class SessionConfiguration : IEntityTypeConfiguration<Session>
{
    public void Configure(EntityTypeBuilder<Session> builder)
    {
        builder.ToTable("sessions");
        builder.Property(session => session.RefreshHash).IsUnicode(false).HasMaxLength(64);
        builder.HasIndex(session => session.EndedAt);
        builder.HasIndex(session => session.ExpiresAt);
        builder.HasOne<User>().WithMany().HasForeignKey(session => session.UserId).OnDelete(DeleteBehavior.Cascade);
    }
}
