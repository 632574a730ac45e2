using Quartz;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>Brings the stored schedule in line with what is declared.</summary>
internal static class TaskSchedule
{
    private const string Group = "scaigrid";
    private const string PassedOnGroup = "scaigrid.passed_on";
    private static readonly TimeSpan PassedOnAfter = TimeSpan.FromSeconds(2);

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

    /// <summary>
    /// A fire that came to a worker which does not know the task: it comes again shortly, to whichever worker takes it then. The
    /// schedule itself stays as it is.
    /// </summary>
    public static async Task PassOnAsync(IScheduler scheduler, JobKey job, TimeProvider time, CancellationToken cancellationToken)
    {
        var trigger = TriggerBuilder.Create<ScheduledTaskJob>()
            .WithIdentity(new TriggerKey(job.Name, PassedOnGroup))
            .ForJob(job)
            .StartAt(time.GetUtcNow() + PassedOnAfter)
            .Build();
        await scheduler.ScheduleJob(trigger, ScheduleJobOptions.Replacing, cancellationToken);
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
