using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>How a model's calls are distributed over its targets.</summary>
internal sealed class RoutingPolicy : ISnapshotted
{
    public required string ModelId { get; init; }

    public required string Strategy { get; set; }

    /// <summary>A JSON object; null for the defaults.</summary>
    public string? Retry { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class RoutingPolicyConfiguration : IEntityTypeConfiguration<RoutingPolicy>
{
    public void Configure(EntityTypeBuilder<RoutingPolicy> builder)
    {
        builder.ToTable("routing_policies");
        builder.HasKey(policy => policy.ModelId);
        builder.HasOne<Model>().WithOne().HasForeignKey<RoutingPolicy>(policy => policy.ModelId).OnDelete(DeleteBehavior.Cascade);
    }
}
