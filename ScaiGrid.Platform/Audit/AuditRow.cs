using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Audit;

/// <summary>One write or attempt. Rows are only added, by <see cref="AuditChain"/>; none is ever changed or deleted.</summary>
internal sealed class AuditRow
{
    public const int TextLength = 300;
    public const int EmailLength = 320;
    public const int AsciiLength = 128;

    public required string Id { get; init; }

    public required string TenantId { get; init; }

    /// <summary>Counts from 1 within the tenant, without gaps.</summary>
    public required long Sequence { get; init; }

    public required string PartnerId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string Action { get; init; }

    public required string ActorId { get; init; }

    public required string ActorEmail { get; init; }

    public required string ActorType { get; init; }

    public required string ResourceType { get; init; }

    public required string ResourceId { get; init; }

    public required string IpAddress { get; init; }

    public required string UserAgent { get; init; }

    /// <summary>One of <see cref="AuditStatus"/>.</summary>
    public required string Status { get; init; }

    public required string RequestId { get; init; }

    /// <summary>A JSON array, see <see cref="AuditChanges"/>.</summary>
    public required string Changes { get; init; }

    public required string PreviousHash { get; init; }

    /// <summary>The <see cref="AuditHash"/> of all other fields.</summary>
    public required string Hash { get; init; }
}

internal static class AuditStatus
{
    public const string Success = "SUCCESS";
    public const string Failure = "FAILURE";
}

internal sealed class AuditRowConfiguration : IEntityTypeConfiguration<AuditRow>
{
    public void Configure(EntityTypeBuilder<AuditRow> builder)
    {
        builder.ToTable("audit_log");
        builder.Property(row => row.ResourceId).HasMaxLength(AuditRow.AsciiLength);
        builder.Property(row => row.RequestId).HasMaxLength(AuditRow.AsciiLength);
        builder.Property(row => row.IpAddress).IsUnicode(false).HasMaxLength(64);
        builder.Property(row => row.Action).IsUnicode(false);
        builder.Property(row => row.ResourceType).IsUnicode(false);
        builder.Property(row => row.PreviousHash).IsUnicode(false).HasMaxLength(64);
        builder.Property(row => row.Hash).IsUnicode(false).HasMaxLength(64);
        builder.HasIndex(row => new { row.TenantId, row.Sequence }).IsUnique();
    }
}
