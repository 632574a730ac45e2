namespace ScaiGrid.Platform.Accounting;

/// <summary>What the tables of sums have in common. Costs are in nano-units.</summary>
internal interface IUsageSums
{
    long RequestCount { get; }

    long InputTokens { get; }

    long OutputTokens { get; }

    long Cost { get; }

    long BackendCost { get; }
}
