using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// A group of a tenant's users, managed by its identity provider. Groups may be nested: members of the inner group are members of the outer one.
/// </summary>
internal sealed class Group
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>The identity provider's id.</summary>
    public string? ExternalId { get; set; }

    public required string Name { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class GroupConfiguration : IEntityTypeConfiguration<Group>
{
    public void Configure(EntityTypeBuilder<Group> builder)
    {
        builder.ToTable("user_groups");
        builder.Property(group => group.ExternalId).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(group => new { group.TenantId, group.ExternalId }).IsUnique();
        builder.HasIndex(group => new { group.TenantId, group.Id });
        builder.HasOne<Tenant>().WithMany().HasForeignKey(group => group.TenantId).OnDelete(DeleteBehavior.Restrict);
    }
}
