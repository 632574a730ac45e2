using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Routing;

/// <summary>One deployment of one provider, ready to be called.</summary>
public sealed class Backend
{
    public required string Id { get; init; }

    /// <summary>The model's name at the upstream.</summary>
    public required string Model { get; init; }

    /// <summary>What the upstream charges.</summary>
    public required UnitPrices Prices { get; init; }

    public required BackendClients Clients { get; init; }

    /// <summary>The backend's health; the same object in every snapshot.</summary>
    public required BackendHealth Health { get; init; }

    /// <summary>Calls that this process has open on the backend.</summary>
    public int InFlight => Health.InFlight;
}
