using System.Diagnostics.Metrics;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Metrics of the results of deliveries.</summary>
internal sealed class WebhookMetrics
{
    private readonly Counter<long> _deliveries;
    private readonly Histogram<double> _duration;

    public WebhookMetrics(IMeterFactory meters)
    {
        var meter = meters.Create("ScaiGrid.Webhooks");
        _deliveries = meter.CreateCounter<long>("scaigrid_webhook_deliveries", description: "Attempts to deliver an event: success, retried (failed, to be tried again), failed (for good).");
        _duration = meter.CreateHistogram<double>("scaigrid_webhook_delivery_seconds", description: "Seconds until a receiver answered or failed.");
    }

    public void Delivered(string status, int durationMs)
    {
        _deliveries.Add(1, new KeyValuePair<string, object?>("status", status));
        _duration.Record(durationMs / 1000.0);
    }
}
