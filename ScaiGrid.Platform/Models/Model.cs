using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Models;

/// <summary>A frontend model: the stable name that callers use, and its price for them.</summary>
internal sealed class Model : ISnapshotted
{
    public required string Id { get; init; }

    public required string Slug { get; set; }

    /// <summary>Only this partner sees the model; null with <see cref="TenantId"/> null: everybody does.</summary>
    public string? PartnerId { get; init; }

    /// <summary>Only this tenant sees the model.</summary>
    public string? TenantId { get; init; }

    public required string DisplayName { get; set; }

    public string Description { get; set; } = "";

    /// <summary>chat, embedding, image or audio.</summary>
    public required string Modality { get; set; }

    /// <summary>JSON array of strings.</summary>
    public string Capabilities { get; set; } = "[]";

    public required int ContextWindow { get; set; }

    public int? MaxOutputTokens { get; set; }

    /// <summary>What callers pay, in nano-units per million tokens.</summary>
    public long InputPricePerMtok { get; set; }

    /// <inheritdoc cref="InputPricePerMtok"/>
    public long OutputPricePerMtok { get; set; }

    /// <summary>What callers pay for a picture, in nano-units.</summary>
    public long ImagePrice { get; set; }

    /// <summary>What callers pay for a minute of audio that is listened to, in nano-units.</summary>
    public long AudioPricePerMinute { get; set; }
    /// <summary>What callers pay for prompt tokens that the upstream had cached; null: as for all others.</summary>
    public long? CachedInputPricePerMtok { get; set; }

    /// <summary>Counts the changes of the prices, from 1; see <see cref="ModelPrice"/>.</summary>
    public int PriceVersion { get; set; } = 1;

    /// <summary>JSON object.</summary>
    public string DefaultParams { get; set; } = "{}";

    public string? SystemPromptTemplate { get; set; }

    /// <summary>One of <see cref="ModelStatus"/>.</summary>
    public string Status { get; set; } = ModelStatus.Active;

    /// <summary>JSON object.</summary>
    public string Metadata { get; set; } = "{}";

    /// <summary>For tenants without a rule of their own: one of <see cref="ModelAccessWords"/>.</summary>
    public string DefaultAccess { get; set; } = ModelAccessWords.Allow;

    /// <summary>Since when, or from when on, callers are told to use another one.</summary>
    public DateTimeOffset? DeprecatedAt { get; set; }

    /// <summary>When callers are told it will end. It ends when somebody deletes it.</summary>
    public DateTimeOffset? SunsetAt { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal static class ModelStatus
{
    public const string Active = "active";
    public const string Deprecated = "deprecated";
}

internal sealed class ModelConfiguration : IEntityTypeConfiguration<Model>
{
    public void Configure(EntityTypeBuilder<Model> builder)
    {
        builder.ToTable("models");
        builder.HasIndex(model => model.Slug).IsUnique();
        builder.HasOne<Partner>().WithMany().HasForeignKey(model => model.PartnerId).OnDelete(DeleteBehavior.Restrict);
        builder.HasOne<Tenant>().WithMany().HasForeignKey(model => model.TenantId).OnDelete(DeleteBehavior.Restrict);
    }
}
