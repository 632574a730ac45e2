using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Modules;
using ScaiGrid.Inference.Media;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Batch;
using ScaiGrid.Platform.Budgets;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Idempotency;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>The scheduled tasks of the platform's own features; modules declare theirs in <see cref="IModule.ScheduledTasks"/>.</summary>
public static class PlatformTasks
{
    public static IReadOnlyList<ScheduledTask> All(IHostApplicationBuilder builder) =>
    [
        ScheduledTask.Every<UsageFlush>("accounting.usage_flush", builder.AddSettings<AccountingOptions>().UsageFlushInterval, UsageFlush.Timeout),
        ScheduledTask.Every<UsageRetention>("accounting.usage_retention", UsageRetention.Interval, UsageRetention.Timeout),
        ScheduledTask.Every<AuthPrune>("auth.prune", AuthPrune.Interval, AuthPrune.Timeout),
        ScheduledTask.Every<BatchRescue>("batches.rescue", BatchRescue.Interval, BatchRescue.Timeout),
        ScheduledTask.Every<BudgetWatch>("budgets.watch", BudgetWatch.Interval, BudgetWatch.Timeout),
        ScheduledTask.Every<FileRetention>("files.retention", FileRetention.Interval, FileRetention.Timeout),
        ScheduledTask.Every<FileSweep>("files.sweep", FileSweep.Interval, FileSweep.Timeout),
        ScheduledTask.Every<IdempotencyPurge>("idempotency.purge", IdempotencyPurge.Interval, IdempotencyPurge.Timeout),
        ScheduledTask.Every<MediaCleanup>("inference.media_cleanup", MediaCleanup.Interval, MediaCleanup.Timeout),
        ScheduledTask.Every<BackendProbes>("models.backend_probes", builder.AddSettings<ProbeOptions>().Interval, BackendProbes.Timeout),
        ScheduledTask.Every<ScaiKeySync>("scaikey.sync", builder.AddSettings<ScaiKeySyncOptions>().Interval, ScaiKeySync.Timeout),
        ScheduledTask.Every<WebhookRetention>("webhooks.retention", WebhookRetention.Every, WebhookRetention.Timeout),
    ];
}
