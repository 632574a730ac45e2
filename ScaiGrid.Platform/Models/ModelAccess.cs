using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Whether a tenant may use a model, or the models of a group. A rule for the model takes precedence over rules for groups, and among these a
/// block over an allow. Without any rule, the model's <see cref="Model.DefaultAccess"/> applies.
/// </summary>
internal sealed class ModelAccess : ISnapshotted
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>Either this or <see cref="GroupId"/> is set.</summary>
    public string? ModelId { get; init; }

    public string? GroupId { get; init; }

    /// <summary>One of <see cref="ModelAccessWords"/>.</summary>
    public required string Access { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal static class ModelAccessWords
{
    public const string Allow = "allow";
    public const string Block = "block";
}

internal sealed class ModelAccessConfiguration : IEntityTypeConfiguration<ModelAccess>
{
    public void Configure(EntityTypeBuilder<ModelAccess> builder)
    {
        builder.ToTable("model_access");
        builder.HasIndex(rule => new { rule.TenantId, rule.ModelId }).IsUnique();
        builder.HasIndex(rule => new { rule.TenantId, rule.GroupId }).IsUnique();
        builder.HasOne<Tenant>().WithMany().HasForeignKey(rule => rule.TenantId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Model>().WithMany().HasForeignKey(rule => rule.ModelId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<ModelGroup>().WithMany().HasForeignKey(rule => rule.GroupId).OnDelete(DeleteBehavior.Cascade);
    }
}
