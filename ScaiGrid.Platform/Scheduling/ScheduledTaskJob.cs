using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Quartz;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>
/// The only Quartz job: runs the <see cref="ScheduledTask"/> named by its key. Never runs twice at a time, whatever the number of workers; a run of
/// a worker that died is repeated by another one.
/// </summary>
[DisallowConcurrentExecution]
internal sealed partial class ScheduledTaskJob(
    ScheduledTasks tasks, TaskBook book, IServiceScopeFactory scopes, TaskMetrics metrics, TimeProvider time, ILogger<ScheduledTaskJob> logger, IWorkGate? gate = null) : IJob
{
    private static readonly TimeSpan NotePatience = TimeSpan.FromSeconds(2);

    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken = default)
    {
        if (gate?.TryEnter() == false)
        {
            return;
        }

        try
        {
            await RunAsync(tasks.ByName[context.JobDetail.Key.Name], cancellationToken);
        }
        finally
        {
            gate?.Exit();
        }
    }

    private async Task RunAsync(ScheduledTask task, CancellationToken cancellationToken)
    {
        var (started, startedAt) = (time.GetTimestamp(), time.GetStoredNow());
        using var timeout = new CancellationTokenSource(task.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        var outcome = TaskOutcome.Ok;
        Exception? failure = null;
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var handler = (IScheduledTask)ActivatorUtilities.GetServiceOrCreateInstance(scope.ServiceProvider, task.Handler);
            await handler.RunAsync(either.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            outcome = TaskOutcome.Cancelled;
        }
        catch (Exception exception)
        {
            // Not reported to Quartz: the next due time is the retry.
            outcome = timeout.IsCancellationRequested ? TaskOutcome.Timeout : TaskOutcome.Failed;
            failure = exception;
        }

        var duration = time.GetElapsedTime(started);
        metrics.Ended(task.Name, outcome, duration, startedAt);

        // Not with the worker's token, so that a run that is cut off by a stop is recorded as well.
        using var patience = new CancellationTokenSource(NotePatience, time);
        await book.EndedAsync(task.Name, startedAt, duration, outcome, failure?.Message, patience.Token);
        TaskEnded(failure is null ? LogLevel.Debug : LogLevel.Error, task.Name, outcome, (long)duration.TotalMilliseconds, failure);
    }

    [LoggerMessage(Message = "Scheduled task {Task} ended: {Outcome} after {DurationMs} ms.")]
    private partial void TaskEnded(LogLevel level, string task, string outcome, long durationMs, Exception? exception);
}
