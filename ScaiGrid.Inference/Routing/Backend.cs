using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Routing;

/// <summary>One deployment of one provider, ready to be called.</summary>
public sealed class Backend
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string ProviderId { get; init; }

    /// <summary>The model's name at the upstream.</summary>
    public required string Model { get; init; }

    /// <summary>Nano-units per million tokens that the upstream charges.</summary>
    public required long InputPrice { get; init; }

    /// <summary>Nano-units per million tokens that the upstream charges.</summary>
    public required long OutputPrice { get; init; }

    /// <summary>Nano-units per image that the upstream charges.</summary>
    public long ImagePrice { get; init; }

    /// <summary>Nano-units per minute of audio that the upstream charges.</summary>
    public long AudioMinutePrice { get; init; }

    /// <summary>What the upstream charges.</summary>
    public UnitPrices Prices => new(InputPrice, OutputPrice, ImagePrice, AudioMinutePrice);

    public required BackendClients Clients { get; init; }

    /// <summary>The backend's health; the same object in every snapshot.</summary>
    public required BackendHealth Health { get; init; }

    /// <summary>Calls that this process has open on the backend.</summary>
    public int InFlight => Health.InFlight;
}
