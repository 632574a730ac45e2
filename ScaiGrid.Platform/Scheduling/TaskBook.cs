using System.Data.Common;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>The workers' common record of scheduled tasks, in the database.</summary>
internal sealed partial class TaskBook(IDbContextFactory<PlatformDb> databases, SchedulingOptions options, TimeProvider time, ILogger<TaskBook> logger)
{
    private static readonly string Worker = WorkerName();

    /// <summary>Records that this worker knows <paramref name="tasks"/>, so that no other worker removes them.</summary>
    public async Task DeclareAsync(IEnumerable<ScheduledTask> tasks, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        foreach (var task in tasks)
        {
            await DeclareAsync(db, task.Name, task.Interval, cancellationToken);
        }
    }

    /// <summary>
    /// Of stored tasks that this worker does not know, those that no worker has declared for the grace period. For a task without a record the grace
    /// period begins now.
    /// </summary>
    public async Task<IReadOnlyList<string>> ForgottenAsync(IReadOnlyCollection<string> unknown, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var declared = await db.ScheduledTasks.AsNoTracking().Where(row => unknown.Contains(row.Name)).ToDictionaryAsync(row => row.Name, cancellationToken);
        foreach (var name in unknown.Where(name => !declared.ContainsKey(name)))
        {
            await DeclareAsync(db, name, TimeSpan.Zero, cancellationToken);
        }

        var since = time.GetUtcNow() - options.TaskGrace;
        return [.. declared.Values.Where(row => row.DeclaredAt < since).Select(row => row.Name)];
    }

    public async Task ForgetAsync(string name, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await db.ScheduledTasks.Where(row => row.Name == name).ExecuteDeleteAsync(cancellationToken);
    }

    /// <summary>Records a run. If it cannot be recorded because the database is unavailable, a successful run must not fail.</summary>
    public async Task EndedAsync(string name, DateTimeOffset startedAt, TimeSpan duration, string outcome, string? error, CancellationToken cancellationToken)
    {
        try
        {
            await using var db = await databases.CreateDbContextAsync(cancellationToken);
            var text = error is { Length: > TaskRowConfiguration.ErrorLength } ? error[..TaskRowConfiguration.ErrorLength] : error;
            await db.ScheduledTasks.Where(row => row.Name == name).ExecuteUpdateAsync(
                row => row
                    .SetProperty(one => one.LastStartedAt, startedAt)
                    .SetProperty(one => one.LastDurationMs, (long)duration.TotalMilliseconds)
                    .SetProperty(one => one.LastOutcome, outcome)
                    .SetProperty(one => one.LastError, text)
                    .SetProperty(one => one.LastOkAt, one => outcome == TaskOutcome.Ok ? startedAt : one.LastOkAt)
                    .SetProperty(one => one.Worker, Worker),
                cancellationToken);
        }
        catch (Exception exception) when (exception is DbException or OperationCanceledException || DatabaseAway.Is(exception))
        {
            RunNotNoted(name, exception.GetBaseException().Message);
        }
    }

    private async Task DeclareAsync(PlatformDb db, string name, TimeSpan interval, CancellationToken cancellationToken)
    {
        var (now, milliseconds) = (time.GetStoredNow(), (long)interval.TotalMilliseconds);
        var known = await db.ScheduledTasks.Where(row => row.Name == name).ExecuteUpdateAsync(
            row => row.SetProperty(one => one.DeclaredAt, now).SetProperty(one => one.IntervalMs, milliseconds), cancellationToken);
        if (known == 0)
        {
            try
            {
                db.ScheduledTasks.Add(new TaskRow { Name = name, IntervalMs = milliseconds, DeclaredAt = now });
                await db.SaveChangesAsync(cancellationToken);
            }
            catch (DbUpdateException exception) when (DatabaseErrors.IsUniqueViolation(exception))
            {
                // Another worker has recorded the same.
            }

            db.ChangeTracker.Clear();
        }
    }

    private static string WorkerName()
    {
        var name = $"{Environment.MachineName}/{Environment.ProcessId}";
        return Ascii.IsValid(name) && name.Length <= 128 ? name : $"{Environment.ProcessId}";
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A run of scheduled task {Task} could not be recorded: {Reason}")]
    private partial void RunNotNoted(string task, string reason);
}

internal static class TaskOutcome
{
    public const string Ok = "ok";
    public const string Failed = "failed";
    public const string Timeout = "timeout";
    public const string Cancelled = "cancelled";
}
