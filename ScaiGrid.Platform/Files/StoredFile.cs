using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Files;

/// <summary>A file that a user uploaded, or that a batch wrote for the user. Its bytes are in the blob store.</summary>
internal sealed class StoredFile
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public required string Filename { get; init; }

    public required string Purpose { get; init; }

    public required long Bytes { get; init; }

    public required string BlobKey { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The prefix of the blob keys of all files.</summary>
    public const string Folder = "files/";

    public static string KeyOf(string tenantId, string id) => $"{Folder}{tenantId}/{id}";
}

internal static class FilePurpose
{
    public const string Batch = "batch";
    public const string BatchOutput = "batch_output";
}

internal sealed class StoredFileConfiguration : IEntityTypeConfiguration<StoredFile>
{
    public void Configure(EntityTypeBuilder<StoredFile> builder)
    {
        builder.ToTable("files");
        builder.HasIndex(file => new { file.TenantId, file.UserId, file.Id });
        builder.HasIndex(file => new { file.TenantId, file.Bytes });
    }
}
