using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Sends deliveries, in a lane for each webhook, so that no receiver delays another.</summary>
internal sealed partial class WebhookDispatch(
    IDbContextFactory<PlatformDb> databases, WebhookSender sender, WebhookOutcome outcome, WebhookMetrics metrics, ILogger<WebhookDispatch> logger) : IJobHandler
{
    public const string Queue = "webhooks";

    /// <summary>The most deliveries that one worker holds. Each is little more than an idle socket, or waits for its place in its lane.</summary>
    public const int Concurrency = 4000;

    private static readonly TimeSpan[] RetryAfter =
        [TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2)];

    private readonly LaneHealth _lanes = new();

    /// <summary>The most retries that a webhook can be configured with.</summary>
    public static int MostRetries => RetryAfter.Length;

    public int LaneLimit(string lane) => _lanes.Of(lane).Room;

    public async Task RunAsync(IReadOnlyList<ClaimedJob> jobs)
    {
        var byDelivery = jobs.ToDictionary(job => JsonSerializer.Deserialize<DeliveryJob>(job.Payload)!.DeliveryId);
        var work = await LoadAsync([.. byDelivery.Keys], jobs[0].Lost);
        await Task.WhenAll(work.Select(pair => DeliverAsync(byDelivery[pair.Delivery.Id], pair.Webhook, pair.Delivery)));

        // Deliveries that no longer exist need no work.
        foreach (var job in jobs)
        {
            job.End(JobEnd.Done());
        }
    }

    public Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken) =>
        outcome.StoreAsync(db, [.. ended.Select(end => end.End.Result).OfType<DeliveryResult>()], cancellationToken);

    private async Task<IReadOnlyList<(Webhook? Webhook, WebhookDelivery Delivery)>> LoadAsync(string[] ids, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var deliveries = await db.WebhookDeliveries.AsNoTracking().Where(delivery => ids.Contains(delivery.Id)).ToListAsync(cancellationToken);
        string[] webhookIds = [.. deliveries.Select(delivery => delivery.WebhookId).Distinct()];
        var webhooks = await db.Webhooks.AsNoTracking().Where(webhook => webhookIds.Contains(webhook.Id)).ToDictionaryAsync(webhook => webhook.Id, cancellationToken);
        return deliveries.ConvertAll(delivery => (webhooks.GetValueOrDefault(delivery.WebhookId), delivery));
    }

    private async Task DeliverAsync(ClaimedJob job, Webhook? webhook, WebhookDelivery delivery)
    {
        if (delivery.Status != DeliveryStatus.Pending)
        {
            job.End(JobEnd.Done());
            return;
        }

        if (webhook is not { Status: WebhookStatus.Active })
        {
            job.End(JobEnd.Done(new DeliveryResult(delivery, Attempt: null, RetryAfter: null)));
            return;
        }

        try
        {
            if (await SendAsync(webhook, delivery, job.Lost) is not { } attempt)
            {
                job.End(JobEnd.Released());
                return;
            }

            TimeSpan? retryAfter = !attempt.Succeeded && delivery.Attempts < Math.Min(webhook.MaxRetries, MostRetries) ? RetryAfter[delivery.Attempts] : null;
            metrics.Delivered(attempt.Succeeded ? "success" : retryAfter is null ? "failed" : "retried", attempt.DurationMs);
            var result = new DeliveryResult(delivery, attempt, retryAfter);
            job.End(retryAfter is { } delay ? JobEnd.Again(delay, attempt.Error, result) : JobEnd.Done(result));
        }
        catch (OperationCanceledException) when (job.Lost.IsCancellationRequested)
        {
            job.End(JobEnd.Released());
        }
        catch (Exception exception) when (exception is UriFormatException or InvalidOperationException or FormatException)
        {
            DeliveryNotPossible(delivery.Id, exception);
            job.End(JobEnd.Done(new DeliveryResult(delivery, new DeliveryAttempt(null, 0, "The request could not be made."), RetryAfter: null)));
        }
    }

    /// <returns>Null if the receiver became slow while the delivery waited for its place.</returns>
    private async Task<DeliveryAttempt?> SendAsync(Webhook webhook, WebhookDelivery delivery, CancellationToken cancellationToken)
    {
        var lane = _lanes.Of(webhook.Id);
        if (!await lane.EnterAsync(cancellationToken))
        {
            return null;
        }

        DeliveryAttempt? attempt = null;
        try
        {
            return attempt = await sender.SendAsync(webhook, delivery, cancellationToken);
        }
        finally
        {
            lane.Leave(attempt);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Delivery {DeliveryId} could not be sent.")]
    private partial void DeliveryNotPossible(string deliveryId, Exception exception);
}

/// <param name="Delivery">The delivery as it was before.</param>
/// <param name="Attempt">Null if none was made, because the webhook is no longer active.</param>
/// <param name="RetryAfter">Null if this was the last attempt.</param>
internal sealed record DeliveryResult(WebhookDelivery Delivery, DeliveryAttempt? Attempt, TimeSpan? RetryAfter);
