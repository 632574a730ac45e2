using System.Linq.Expressions;
using ScaiGrid.Core;

namespace ScaiGrid.Platform.Accounting;

/// <summary>A sum of usage for one key. Costs are kept as units and remainder, because their sum may exceed the 64 bits in which databases sum.</summary>
/// <remarks>Queries subtract the remainder before they divide: MariaDB's quotient of two integers has decimals, which SQLite's and C#'s do not.</remarks>
internal sealed class UsageAmounts
{
    /// <summary>The amounts of a row of sums.</summary>
    public static readonly Expression<Func<IUsageSums, UsageAmounts>> OfSums = sums => new UsageAmounts
    {
        Key = "",
        Requests = sums.RequestCount,
        Input = sums.InputTokens,
        Output = sums.OutputTokens,
        CostUnits = (sums.Cost - (sums.Cost % Money.NanosPerUnit)) / Money.NanosPerUnit,
        CostRest = sums.Cost % Money.NanosPerUnit,
        BackendUnits = (sums.BackendCost - (sums.BackendCost % Money.NanosPerUnit)) / Money.NanosPerUnit,
        BackendRest = sums.BackendCost % Money.NanosPerUnit,
    };

    public required string Key { get; init; }

    public long Requests { get; init; }

    public long Input { get; init; }

    public long Output { get; init; }

    public long CostUnits { get; init; }

    public long CostRest { get; init; }

    public long BackendUnits { get; init; }

    public long BackendRest { get; init; }

    public Int128 Cost => ((Int128)CostUnits * Money.NanosPerUnit) + CostRest;

    public Int128 BackendCost => ((Int128)BackendUnits * Money.NanosPerUnit) + BackendRest;

    public UsageSum View => new(Key, Requests, Input, Output, Input + Output, Money.Format(Cost), Money.Format(BackendCost));

    public UsageTotal Total => new((long)Int128.Min(Cost, long.MaxValue), Input + Output, Requests);

    public static UsageAmounts operator +(UsageAmounts left, UsageAmounts right) => new()
    {
        Key = left.Key,
        Requests = left.Requests + right.Requests,
        Input = left.Input + right.Input,
        Output = left.Output + right.Output,
        CostUnits = left.CostUnits + right.CostUnits,
        CostRest = left.CostRest + right.CostRest,
        BackendUnits = left.BackendUnits + right.BackendUnits,
        BackendRest = left.BackendRest + right.BackendRest,
    };

    /// <summary>The sums with the greatest costs, greatest first.</summary>
    public static IReadOnlyList<UsageSum> Greatest(IEnumerable<UsageAmounts> sums, int limit) =>
    [
        .. sums.OrderByDescending(sum => sum.Cost).ThenBy(sum => sum.Key, StringComparer.Ordinal).Take(limit).Select(sum => sum.View),
    ];

    /// <summary>One sum over all. The cost saturates at 64 bits.</summary>
    public static UsageTotal TotalOf(IEnumerable<UsageAmounts> sums) => Sum("", sums).Total;

    /// <summary>One sum for a key.</summary>
    public static UsageAmounts Sum(string key, IEnumerable<UsageAmounts> parts) =>
        parts.Aggregate(new UsageAmounts { Key = key }, (all, part) => all + part);

    /// <summary>Builds a query that sums usage by a key.</summary>
    /// <param name="usage">Rows or rollups.</param>
    /// <param name="key">The key to group by.</param>
    /// <param name="amounts">The amounts of one of them, written for a base class or an interface.</param>
    public static IQueryable<UsageAmounts> Group<T, TBase>(IQueryable<T> usage, Expression<Func<T, string>> key, Expression<Func<TBase, UsageAmounts>> amounts)
        where T : class, TBase =>
        usage.GroupBy(key, For<T, TBase>(amounts)).Select(group => new UsageAmounts
        {
            Key = group.Key,
            Requests = group.Sum(sum => sum.Requests),
            Input = group.Sum(sum => sum.Input),
            Output = group.Sum(sum => sum.Output),
            CostUnits = group.Sum(sum => sum.CostUnits),
            CostRest = group.Sum(sum => sum.CostRest),
            BackendUnits = group.Sum(sum => sum.BackendUnits),
            BackendRest = group.Sum(sum => sum.BackendRest),
        });

    private static Expression<Func<T, UsageAmounts>> For<T, TBase>(Expression<Func<TBase, UsageAmounts>> amounts)
        where T : TBase
    {
        var row = Expression.Parameter(typeof(T), "row");
        return Expression.Lambda<Func<T, UsageAmounts>>(new Replacement(amounts.Parameters[0], row).Visit(amounts.Body), row);
    }

    private sealed class Replacement(Expression replaced, Expression by) : ExpressionVisitor
    {
        protected override Expression VisitParameter(ParameterExpression node) => node == replaced ? by : node;

        // Replaces a member of the base class or interface by that of the entity, which EF's model contains.
        protected override Expression VisitMember(MemberExpression node) =>
            node.Expression == replaced ? Expression.Property(by, node.Member.Name) : base.VisitMember(node);
    }
}
