using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Models;

/// <summary>A model's picture. Small enough for the database, so that every replica has it.</summary>
internal sealed class ModelAvatar
{
    public required string ModelId { get; init; }

    /// <summary>The type recognised by its content, not the claimed one.</summary>
    public required string ContentType { get; set; }

    /// <summary>Base64.</summary>
    public required string Content { get; set; }

    /// <summary>SHA-256 of the bytes, used as ETag.</summary>
    public required string Hash { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class ModelAvatarConfiguration : IEntityTypeConfiguration<ModelAvatar>
{
    public void Configure(EntityTypeBuilder<ModelAvatar> builder)
    {
        builder.ToTable("model_avatars");
        builder.HasKey(avatar => avatar.ModelId);
        builder.Property(avatar => avatar.ContentType).IsUnicode(false).HasMaxLength(64);
        builder.Property(avatar => avatar.Hash).IsUnicode(false).HasMaxLength(64);
        builder.HasOne<Model>().WithOne().HasForeignKey<ModelAvatar>(avatar => avatar.ModelId).OnDelete(DeleteBehavior.Cascade);
    }
}
