using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>An API key of one user. The key itself is shown once and never stored.</summary>
internal sealed class ApiKey : ISnapshotted
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public required string Name { get; set; }

    /// <summary>The result of <see cref="HashOf"/> for the key.</summary>
    public required string Hash { get; init; }

    /// <summary>The part of the key that may be shown.</summary>
    public required string Prefix { get; init; }

    public DateTimeOffset? ExpiresAt { get; set; }

    public DateTimeOffset? RevokedAt { get; set; }

    /// <summary>A JSON array that restricts the key to these of its user's permissions; null for all of them.</summary>
    public string? Scopes { get; init; }

    /// <summary>Updated with a delay of some seconds, and not part of the snapshot.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The id of the user who created the key.</summary>
    public required string CreatedBy { get; init; }

    /// <summary>SHA-256 in lower-case hex. A key has more than 128 random bits, so a slow hash would not make it safer.</summary>
    public static string HashOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}

internal sealed class ApiKeyConfiguration : IEntityTypeConfiguration<ApiKey>
{
    public void Configure(EntityTypeBuilder<ApiKey> builder)
    {
        builder.ToTable("api_keys");
        builder.Property(key => key.Hash).IsUnicode(false).HasMaxLength(64);
        builder.HasIndex(key => key.Hash).IsUnique();
        builder.HasIndex(key => new { key.TenantId, key.Id });
        builder.HasOne<User>().WithMany().HasForeignKey(key => key.UserId).OnDelete(DeleteBehavior.Restrict);
    }
}
