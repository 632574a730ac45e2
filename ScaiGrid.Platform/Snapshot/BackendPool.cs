using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Models;
using Deployment = ScaiGrid.Inference.Routing.Backend;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Keeps connected backends from one snapshot to the next, so that unchanged ones keep their connections and counts of open calls. A
/// backend that cannot be connected is left out and logged; the others are loaded.
/// </summary>
/// <remarks>Written by one load at a time, read by any thread.</remarks>
internal sealed partial class BackendPool(ProviderCatalog catalog, ProviderSecrets secrets, HealthBoard health, ILogger<BackendPool> logger)
{
    private volatile Dictionary<string, Connected> _connected = [];
    private Dictionary<string, string> _leftOut = [];

    /// <summary>A backend that can be called; null if it is disabled or left out.</summary>
    public Deployment? Find(string id) => _connected.GetValueOrDefault(id)?.Backend;

    /// <summary>Connects all active backends.</summary>
    /// <returns>The backends that can be called, by id.</returns>
    public IReadOnlyDictionary<string, Deployment> Connect(SnapshotRows rows)
    {
        var connected = new Dictionary<string, Connected>();
        var leftOut = new Dictionary<string, string>();
        foreach (var row in rows.Backends.All.Where(row => row.Status == BackendStatus.Active))
        {
            // A provider cannot be deleted before its backends: without one, the backend has just been deleted as well.
            if (rows.Providers.Find(row.ProviderId) is not { } provider)
            {
                continue;
            }

            try
            {
                connected[row.Id] = Connect(row, provider);
            }
            catch (Exception exception)
            {
                // Of any kind: one backend must not keep every replica from loading all others.
                leftOut[row.Id] = exception.Message;
                if (_leftOut.GetValueOrDefault(row.Id) != exception.Message)
                {
                    var isExpected = exception is CryptographicException or FormatException or JsonException or InvalidOperationException;
                    BackendLeftOut(row.Id, row.Name, exception.Message, isExpected ? null : exception);
                }
            }
        }

        (_connected, _leftOut) = (connected, leftOut);
        health.Keep(connected.Keys);
        return connected.ToDictionary(pair => pair.Key, pair => pair.Value.Backend);
    }

    private Connected Connect(Backend row, Provider provider)
    {
        var known = _connected.GetValueOrDefault(row.Id);
        if (known?.Row == row && known.Provider == provider)
        {
            // The same rows as in the previous load: nothing to compare or to connect.
            return known;
        }

        if (!catalog.TryGet(provider.Type, out var type))
        {
            throw new InvalidOperationException($"This build has no provider type '{provider.Type}'.");
        }

        var config = secrets.Merged(provider, row);
        var connection = $"{provider.Type}\n{row.Model}\n{config.ToJsonString()}";
        if (known?.Connection == connection && known.Backend.Prices == PricesOf(row))
        {
            return known with { Row = row, Provider = provider };
        }

        var clients = known?.Connection == connection ? known.Backend.Clients : Connect(type, row, config);
        if (known is not null && known.Connection != connection)
        {
            // Refusals of the old key or model say nothing about the new one: otherwise the backend would look unhealthy until the next call.
            known.Backend.Health.ForgetRefusals();
        }

        if (known?.Connection != connection && ProviderSecrets.Withheld(provider, row) is { } address)
        {
            SecretsWithheld(row.Id, row.Name, address);
        }

        return new Connected(row, provider, connection, new Deployment
        {
            Id = row.Id,
            Model = row.Model,
            Prices = PricesOf(row),
            Clients = clients,
            Health = health.Of(row.Id),
        });
    }

    private static BackendClients Connect(IProvider type, Backend row, JsonObject config)
    {
        // A change of the provider's configuration may have made its backends invalid.
        var mistakes = new List<ErrorDetail>();
        type.Validate(config, mistakes);
        return mistakes.Count == 0
            ? type.Connect(new BackendConnection(row.Id, row.Model, config))
            : throw new InvalidOperationException(string.Join(' ', mistakes.Select(mistake => $"{mistake.Field} {mistake.Message}")));
    }

    private static UnitPrices PricesOf(Backend row) => new(row.InputPricePerMtok, row.OutputPricePerMtok, row.ImagePrice, row.AudioPricePerMinute);

    [LoggerMessage(Level = LogLevel.Error, Message = "Backend {BackendId} ({Name}) cannot be used: {Reason}")]
    private partial void BackendLeftOut(string backendId, string name, string reason, Exception? exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Backend {BackendId} ({Name}) is called without its provider's secrets, since its {Address} leads to another host, and it has none of its own.")]
    private partial void SecretsWithheld(string backendId, string name, string address);

    /// <param name="Row">The backend's row.</param>
    /// <param name="Provider">The provider's row.</param>
    /// <param name="Connection">The connection's configuration including credentials; for comparison only, never shown.</param>
    /// <param name="Backend">The connected backend.</param>
    private sealed record Connected(Backend Row, Provider Provider, string Connection, Deployment Backend);
}
