using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Registers webhooks: for hosts that manage and test them, and for the worker that sends deliveries.</summary>
internal static class WebhookServices
{
    // Claimed and stored together: one transaction fans out many events.
    private const int EventsTogether = 500;

    // Deliveries count their attempts themselves; a job fails only because of our own errors.
    private const int MaxAttempts = 1000;

    public static void AddWebhooks(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<WebhookOptions>();
        builder.AddSettings<SecretOptions>();
        builder.Services.TryAddSingleton<SecretBox>();
        builder.Services.AddSingleton<WebhookSender>();
    }

    public static void AddWebhookQueues(this IHostApplicationBuilder builder)
    {
        builder.AddWebhooks();
        builder.Services.AddSingleton<WebhookMetrics>();
        builder.Services.AddSingleton<WebhookOutcome>();
        builder.Services.AddJobQueue<WebhookFanOut>(EventOutbox.Queue, EventsTogether, MaxAttempts);
        builder.Services.AddJobQueue<WebhookDispatch>(WebhookDispatch.Queue, WebhookDispatch.Concurrency, MaxAttempts);
    }
}
