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
            if (await scheduler.GetTrigger(key, cancellationToken) is not ISimpleTrigger trigger || trigger.RepeatInterval != task.Interval)
            {
                await scheduler.ScheduleJob(Job(task), Trigger(task, key), ScheduleJobOptions.Replacing, cancellationToken);
            }
            else
            {
                await scheduler.ResetTriggerFromErrorState(key, cancellationToken);
            }
        }

        var stored = await scheduler.QueryJobs(new JobQuery { Group = GroupMatcher<JobKey>.GroupEquals(Group) }, cancellationToken);
        foreach (var job in stored.Items.Where(job => !tasks.ByName.ContainsKey(job.Key.Name)))
        {
            await scheduler.DeleteJob(job.Key, cancellationToken);
        }
    }

    private static IJobDetail Job(ScheduledTask task) => JobBuilder.Create<ScheduledTaskJob>()
        .WithIdentity(task.Name, Group)
        .RequestRecovery(true)
        .Build();

    private static ITrigger Trigger(ScheduledTask task, TriggerKey key) => TriggerBuilder.Create<ScheduledTaskJob>()
        .WithIdentity(key)
        .ForJob(task.Name, Group)
        .StartNow()
        .WithSchedule(SimpleScheduleBuilder.Create()
            .WithInterval(task.Interval)
            .RepeatForever()
            .WithMisfireInstruction(SimpleTriggerMisfireInstruction.NowWithExistingCount))
        .Build();
}
