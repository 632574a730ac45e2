using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>A backend in a model's routing.</summary>
internal sealed class RoutingTarget : ISnapshotted
{
    public required string ModelId { get; init; }

    public required string BackendId { get; init; }

    public int Weight { get; set; } = 1;

    /// <summary>Lower numbers are tried first.</summary>
    public int Priority { get; set; }
}

internal sealed class RoutingTargetConfiguration : IEntityTypeConfiguration<RoutingTarget>
{
    public void Configure(EntityTypeBuilder<RoutingTarget> builder)
    {
        builder.ToTable("routing_targets");
        builder.HasKey(target => new { target.ModelId, target.BackendId });
        builder.HasOne<Model>().WithMany().HasForeignKey(target => target.ModelId).OnDelete(DeleteBehavior.Cascade);
        builder.HasOne<Backend>().WithMany().HasForeignKey(target => target.BackendId).OnDelete(DeleteBehavior.Cascade);
    }
}
