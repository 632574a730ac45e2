using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Audit;

/// <summary>The last row of a tenant's chain.</summary>
internal sealed class AuditChainEnd
{
    public required string TenantId { get; init; }

    public required long Sequence { get; init; }

    public required string Hash { get; init; }
}

internal sealed class AuditChainEndConfiguration : IEntityTypeConfiguration<AuditChainEnd>
{
    public void Configure(EntityTypeBuilder<AuditChainEnd> builder)
    {
        builder.ToTable("audit_chains");
        builder.HasKey(chain => chain.TenantId);
        builder.Property(chain => chain.Hash).IsUnicode(false).HasMaxLength(64);
    }
}
