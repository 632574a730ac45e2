namespace ScaiGrid.Inference.Routing;

/// <summary>How a call chooses among the targets of the same priority; equally good ones are chosen by weight.</summary>
public enum RoutingStrategy
{
    /// <summary>By weight.</summary>
    Weighted,

    /// <summary>Fewest calls open in this process.</summary>
    LeastInFlight,

    /// <summary>Shortest moving average of the time to the first token. One call in twenty goes by weight, so that a slow backend can show that it is faster now.</summary>
    LowestLatency,

    /// <summary>Lowest price of the upstream, of a million tokens in and a million out.</summary>
    LowestCost,
}
