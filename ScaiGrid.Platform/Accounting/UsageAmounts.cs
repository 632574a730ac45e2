using System.Linq.Expressions;
using ScaiGrid.Core;

namespace ScaiGrid.Platform.Accounting;

/// <summary>A sum of usage under a key. Costs are units and rest: their sum may need more than the 64 bits that databases sum in.</summary>
internal sealed class UsageAmounts
{
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

    /// <summary>Sums usage by a key, in the database.</summary>
    /// <param name="usage">Rows, or sums of rows.</param>
    /// <param name="key">By what.</param>
    /// <param name="amounts">What one of them comes to, written for their base class.</param>
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

        // A member of the base class, as the member of the class itself that the model knows.
        protected override Expression VisitMember(MemberExpression node) =>
            node.Expression == replaced ? Expression.Property(by, node.Member.Name) : base.VisitMember(node);
    }
}
