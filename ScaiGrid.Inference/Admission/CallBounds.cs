using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Admission;

/// <summary>The most that a call can use, known before it is sent.</summary>
/// <param name="Highest">The maximum of each unit.</param>
/// <param name="Estimate">A rough estimate of the tokens that the call will use.</param>
/// <param name="Prices">The highest price that can be charged for each unit.</param>
/// <param name="Bytes">Size of the request.</param>
public readonly record struct CallBounds(TokenUsage Highest, long Estimate, UnitPrices Prices, long Bytes)
{
    /// <summary>In nano-units.</summary>
    public long HighestCost => Prices.CostOf(Highest);
}
