using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>One deployment of one model at one provider.</summary>
internal sealed class Backend : ISnapshotted
{
    public required string Id { get; init; }

    public required string ProviderId { get; init; }

    public required string Name { get; set; }

    /// <summary>The model's name at the upstream.</summary>
    public required string Model { get; set; }

    /// <summary>For example <c>openai:gpt-4o</c>.</summary>
    public required string Uri { get; set; }

    /// <summary>A JSON object without secrets.</summary>
    public string ConnectionConfig { get; set; } = "{}";

    /// <summary>Encrypted by <see cref="Core.Security.SecretBox"/> with the backend's id as owner; null to use the provider's.</summary>
    public string? Credentials { get; set; }

    /// <summary>A JSON array of strings.</summary>
    public string Capabilities { get; set; } = "[]";

    /// <summary>The upstream's price, in nano-units per million tokens.</summary>
    public long InputPricePerMtok { get; set; }

    /// <inheritdoc cref="InputPricePerMtok"/>
    public long OutputPricePerMtok { get; set; }

    /// <summary>The upstream's price of an image, in nano-units.</summary>
    public long ImagePrice { get; set; }

    /// <summary>The upstream's price of a minute of transcribed audio, in nano-units.</summary>
    public long AudioPricePerMinute { get; set; }

    /// <summary>One of <see cref="BackendStatus"/>.</summary>
    public string Status { get; set; } = BackendStatus.Active;

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal static class BackendStatus
{
    public const string Active = "active";
    public const string Disabled = "disabled";
}

internal sealed class BackendConfiguration : IEntityTypeConfiguration<Backend>
{
    public void Configure(EntityTypeBuilder<Backend> builder)
    {
        builder.ToTable("backends");
        builder.HasOne<Provider>().WithMany().HasForeignKey(backend => backend.ProviderId).OnDelete(DeleteBehavior.Restrict);
    }
}
