using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Budgets;

/// <summary>The limits of a partner, tenant, user or group per period. Its use is counted in Redis, and is in the database as sums of usage.</summary>
internal sealed class Budget : ISnapshotted
{
    public required string Id { get; init; }

    public required string PartnerId { get; init; }

    /// <summary>Null for a partner's budget.</summary>
    public string? TenantId { get; init; }

    /// <summary>One of <see cref="BudgetScope"/>.</summary>
    public required string Scope { get; init; }

    /// <summary>The partner, tenant, user or group.</summary>
    public required string ScopeId { get; init; }

    public string Name { get; set; } = "";

    /// <summary>daily, weekly, monthly or total.</summary>
    public required string Period { get; set; }

    /// <summary>In nano-units; null for no limit.</summary>
    public long? CostLimit { get; set; }

    public long? TokenLimit { get; set; }

    public long? RequestLimit { get; set; }

    /// <summary>block, notify or throttle.</summary>
    public required string HardAction { get; set; }

    /// <summary>Share of a limit at which the first event is sent, in millionths.</summary>
    public required int SoftLimitMillionths { get; set; }

    /// <summary>One of <see cref="BudgetRank"/>: the level that may change it.</summary>
    public required int ManagedBy { get; init; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }

    /// <summary>The tenant or partner in whose Redis slot the budget's state is.</summary>
    public string Owner => TenantId ?? PartnerId;
}

/// <summary>The level that created a budget: lower levels see it, but cannot change it.</summary>
internal static class BudgetRank
{
    public const int Tenant = 0;
    public const int Partner = 1;
    public const int Platform = 2;

    public static string Word(int rank) => rank switch
    {
        Tenant => "tenant",
        Partner => "partner",
        _ => "platform",
    };
}

internal sealed class BudgetConfiguration : IEntityTypeConfiguration<Budget>
{
    public void Configure(EntityTypeBuilder<Budget> builder)
    {
        builder.ToTable("budgets");
        builder.Ignore(budget => budget.Owner);
        builder.Property(budget => budget.Scope).IsUnicode(false);
        builder.HasIndex(budget => new { budget.TenantId, budget.Id });
        builder.HasIndex(budget => new { budget.PartnerId, budget.Id });
    }
}
