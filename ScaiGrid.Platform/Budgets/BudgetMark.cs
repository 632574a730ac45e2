using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Budgets;

/// <summary>An event that a budget has sent in a period; each kind is sent once.</summary>
internal sealed class BudgetMark
{
    public required string BudgetId { get; init; }

    public required DateTimeOffset PeriodStart { get; init; }

    /// <summary>soft or hard.</summary>
    public required string Kind { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}

internal sealed class BudgetMarkConfiguration : IEntityTypeConfiguration<BudgetMark>
{
    public void Configure(EntityTypeBuilder<BudgetMark> builder)
    {
        builder.ToTable("budget_marks");
        builder.HasKey(mark => new { mark.BudgetId, mark.PeriodStart, mark.Kind });
        builder.HasOne<Budget>().WithMany().HasForeignKey(mark => mark.BudgetId).OnDelete(DeleteBehavior.Cascade);
    }
}
