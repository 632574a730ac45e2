using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Models;

/// <summary>A frontend model: the stable name that callers use, and their price.</summary>
internal sealed class Model : ISnapshotted
{
    public required string Id { get; init; }

    public required string Slug { get; set; }

    /// <summary>The only partner that sees the model. If this and <see cref="TenantId"/> are null, everybody does.</summary>
    public string? PartnerId { get; init; }

    /// <summary>The only tenant that sees the model.</summary>
    public string? TenantId { get; init; }

    public required string DisplayName { get; set; }

    public string Description { get; set; } = "";

    /// <summary>chat, embedding, image or audio.</summary>
    public required string Modality { get; set; }

    /// <summary>A JSON array of strings.</summary>
    public string Capabilities { get; set; } = "[]";

    public required int ContextWindow { get; set; }

    public int? MaxOutputTokens { get; set; }

    /// <summary>The price for callers, in nano-units per million tokens.</summary>
    public long InputPricePerMtok { get; set; }

    /// <inheritdoc cref="InputPricePerMtok"/>
    public long OutputPricePerMtok { get; set; }

    /// <summary>The price of an image for callers, in nano-units.</summary>
    public long ImagePrice { get; set; }

    /// <summary>The price of a minute of transcribed audio for callers, in nano-units.</summary>
    public long AudioPricePerMinute { get; set; }
    /// <summary>The price of prompt tokens that the upstream had cached; null if they cost as much as others.</summary>
    public long? CachedInputPricePerMtok { get; set; }

    /// <summary>The version of the prices, from 1; see <see cref="ModelPrice"/>.</summary>
    public int PriceVersion { get; set; } = 1;

    /// <summary>A JSON object.</summary>
    public string DefaultParams { get; set; } = "{}";

    /// <summary>Only shown to callers who manage models. The model's tenant reads the audit log as well.</summary>
    [Private]
    public string? SystemPromptTemplate { get; set; }

    /// <summary>One of <see cref="ModelStatus"/>.</summary>
    public string Status { get; set; } = ModelStatus.Active;

    /// <summary>A JSON object.</summary>
    public string Metadata { get; set; } = "{}";

    /// <summary>The access of tenants without a rule: one of <see cref="ModelAccessWords"/>.</summary>
    public string DefaultAccess { get; set; } = ModelAccessWords.Allow;

    /// <summary>The date, past or future, from which callers should use another model.</summary>
    public DateTimeOffset? DeprecatedAt { get; set; }

    /// <summary>The announced end of the model. It is informational: the model ends when it is deleted.</summary>
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
