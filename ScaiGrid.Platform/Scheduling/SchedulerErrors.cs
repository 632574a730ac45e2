using Microsoft.Extensions.Logging;
using Quartz;
using ScaiGrid.Core.Logging;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>
/// Logs the scheduler's failures, at most once a minute. Quartz's own log, which is turned off, repeats each failure with its stack trace for as
/// long as the database is unavailable.
/// </summary>
internal sealed partial class SchedulerErrors(TimeProvider time, ILogger<SchedulerErrors> logger) : ISchedulerListener
{
    /// <summary>The key is whether the database is unavailable.</summary>
    private readonly LogGate<bool> _log = new(time);

    public ValueTask SchedulerError(IScheduler scheduler, SchedulerErrorContext errorContext, CancellationToken cancellationToken = default)
    {
        var cause = errorContext.Exception.GetBaseException();
        var isAway = DatabaseErrors.IsAway(cause) || DatabaseErrors.IsTransient(cause);
        if (!_log.MayPass(isAway, out _))
        {
            return ValueTask.CompletedTask;
        }

        if (isAway)
        {
            DatabaseAway(cause.Message);
        }
        else
        {
            SchedulerFailed(errorContext.Message, errorContext.Exception);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask TriggerInError(IScheduler scheduler, TriggerKey triggerKey, CancellationToken cancellationToken = default)
    {
        TaskParked(triggerKey.Name);
        return ValueTask.CompletedTask;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler cannot reach the database; retrying: {Reason}")]
    private partial void DatabaseAway(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The scheduler failed: {Reason}")]
    private partial void SchedulerFailed(string reason, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Scheduled task {Task} will not run again until a worker is started: its trigger failed too often.")]
    private partial void TaskParked(string task);
}
