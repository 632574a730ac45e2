using Quartz;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Brings the stored schedule in line with what is declared.</summary>
internal static class TaskSchedule
{
    private const string Group = "scaigrid";

    /// <summary>
    /// A schedule that is right already is left as it is: a worker that starts must not move the next fire. Every worker does this
    /// at its start, several at once included.
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
    /// Says which tasks this worker knows, and removes those that no worker has known for the grace period. Others that it does not know
    /// are a newer or older version's: they stay.
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
