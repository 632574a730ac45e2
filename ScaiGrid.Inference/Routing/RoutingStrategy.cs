namespace ScaiGrid.Inference.Routing;

/// <summary>How a call chooses among the targets of the same priority; equally good ones are chosen by weight.</summary>
public enum RoutingStrategy
{
    /// <summary>By weight.</summary>
    Weighted,

    /// <summary>Fewest open calls in this process.</summary>
    LeastInFlight,

    /// <summary>Shortest moving average of the time to the first token. One call in twenty is routed by weight, so that a backend that has become faster is noticed.</summary>
    LowestLatency,

    /// <summary>Lowest upstream price: <see cref="Target.Cost"/>.</summary>
    LowestCost,
}
