using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>An upstream service: its address, its protocol, and the credentials for it.</summary>
internal sealed class Provider : ISnapshotted
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    public required string Type { get; set; }

    /// <summary>A JSON object without secrets.</summary>
    public string Config { get; set; } = "{}";

    /// <summary>Encrypted by <see cref="Core.Security.SecretBox"/> with the provider's id as owner.</summary>
    public string? Credentials { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class ProviderConfiguration : IEntityTypeConfiguration<Provider>
{
    public void Configure(EntityTypeBuilder<Provider> builder)
    {
        builder.ToTable("providers");
        builder.HasIndex(provider => provider.Name).IsUnique();
    }
}
