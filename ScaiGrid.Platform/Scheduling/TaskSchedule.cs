using Quartz;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Synchronises the stored schedule with the declared tasks.</summary>
internal static class TaskSchedule
{
    private const string Group = "scaigrid";

    /// <summary>
    /// Stores the schedule. An unchanged schedule is left as it is, because a starting worker must not move the next due time. Every worker calls this
    /// at its start, several possibly at once.
    /// </summary>
    public static async Task SyncAsync(IScheduler scheduler, ScheduledTasks tasks, CancellationToken cancellationToken)
    {
        foreach (var task in tasks.ByName.Values)
        {
            var key = new TriggerKey(task.Name, Group);
            if (await scheduler.GetTrigger(key, cancellationToken) is not ISimpleTrigger trigger
                || trigger.RepeatInterval != task.Interval
                || trigger.ExecutionGroup != task.Name)
            {
                await scheduler.ScheduleJob(Job(task), Trigger(task, key), ScheduleJobOptions.Replacing, cancellationToken);
            }
            else
            {
                await scheduler.ResetTriggerFromErrorState(key, cancellationToken);
            }
        }
    }

    /// <summary>
    /// Declares the tasks that this worker knows, and removes those that no worker has known for the grace period. Other unknown tasks belong to a newer
    /// or older version, and stay.
    /// </summary>
    public static async Task TidyAsync(IScheduler scheduler, ScheduledTasks tasks, TaskBook book, CancellationToken cancellationToken)
    {
        await book.DeclareAsync(tasks.ByName.Values, cancellationToken);
        var stored = await scheduler.QueryJobs(new JobQuery { Group = GroupMatcher<JobKey>.GroupEquals(Group) }, cancellationToken);
        string[] unknown = [.. stored.Items.Select(job => job.Key.Name).Where(name => !tasks.ByName.ContainsKey(name))];
        foreach (var name in await book.ForgottenAsync(unknown, cancellationToken))
        {
            await scheduler.DeleteJob(new JobKey(name, Group), cancellationToken);
            await book.ForgetAsync(name, cancellationToken);
        }
    }

    private static IJobDetail Job(ScheduledTask task) => JobBuilder.Create<ScheduledTaskJob>()
        .WithIdentity(task.Name, Group)
        .RequestRecovery(true)
        .Build();

    private static ITrigger Trigger(ScheduledTask task, TriggerKey key) => TriggerBuilder.Create<ScheduledTaskJob>()
        .WithIdentity(key)
        .ForJob(task.Name, Group)
        .WithExecutionGroup(task.Name)
        .StartNow()
        .WithSchedule(SimpleScheduleBuilder.Create()
            .WithInterval(task.Interval)
            .RepeatForever()
            .WithMisfireInstruction(SimpleTriggerMisfireInstruction.NowWithExistingCount))
        .Build();
}
