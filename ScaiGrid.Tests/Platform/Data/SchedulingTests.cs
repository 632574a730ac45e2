using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Scheduling;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>Workers that share a database. Each is a host of its own.</summary>
[Trait("needs", "services")]
public sealed class SchedulingTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task TwoWorkers_RunEachFireOnce(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var runs = new Runs();
        using var one = Worker(database, "one", runs, Task("test.tick", 1));
        using var two = Worker(database, "two", runs, Task("test.tick", 1));
        await StartAsync(one, two);
        await runs.WaitForAsync(16);
        await StopAsync(one, two);

        // One run per second: if each worker ran all of them, there would be two. A late run is closer to the next ones, especially at the start, when both
        // workers store the schedule. Therefore the first runs are skipped, and the bound is wide.
        var times = runs.All.Select(run => run.At).Skip(4).ToArray();
        Assert.True(times[11] - times[0] > TimeSpan.FromSeconds(7.5), string.Join(' ', times.Select(time => $"{time:O}")));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Schedule_FollowsWhatIsDeclared_OnceNobodyKnowsOtherwise(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var runs = new Runs();
        using (var first = Worker(database, "first", runs, Task("test.kept", 3600), Task("test.dropped", 3600)))
        {
            await StartAsync(first);
            await Poll.UntilAsync(async () => (await database.QueryAsync("SELECT name FROM scheduled_tasks WHERE last_outcome = 'ok'")).Count == 2, "the outcomes of the runs to be stored");
            await StopAsync(first);
        }

        // A task that is unknown to this worker may belong to another version.
        using (var other = Worker(database, "other", runs, Task("test.kept", 3600)))
        {
            await StartAsync(other);
            await Poll.UntilAsync(
                async () => (await database.QueryAsync("SELECT REPEAT_INTERVAL FROM QRTZ_SIMPLE_TRIGGERS WHERE REPEAT_INTERVAL = 3600000")).Count == 2, "the schedule to be stored");
            await System.Threading.Tasks.Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
            await StopAsync(other);
            Assert.Equal(["test.dropped", "test.kept"], await database.QueryAsync("SELECT JOB_NAME FROM QRTZ_JOB_DETAILS ORDER BY JOB_NAME"));
        }

        await System.Threading.Tasks.Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken);
        using var second = Worker(database, "second", runs, graceSeconds: 1, Task("test.kept", 1));
        await StartAsync(second);
        await runs.WaitForAsync(5);
        await StopAsync(second);
        Assert.Equal(["test.kept"], await database.QueryAsync("SELECT JOB_NAME FROM QRTZ_JOB_DETAILS"));
        Assert.Equal(["test.kept ok"], await database.QueryAsync(
            kind is DatabaseKind.Sqlite ? "SELECT name || ' ' || last_outcome FROM scheduled_tasks" : "SELECT CONCAT(name, ' ', last_outcome) FROM scheduled_tasks"));
        Assert.Equal(["1000"], await database.QueryAsync("SELECT REPEAT_INTERVAL FROM QRTZ_SIMPLE_TRIGGERS"));
    }

    [Fact]
    public async Task WorkersOfTwoVersions_EachRunWhatTheyKnow()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        var runs = new Runs();
        using var older = Worker(database, "older", runs, Task("test.both", 1), Task("test.older", 3));
        using var newer = Worker(database, "newer", runs, Task("test.both", 1), Task("test.newer", 3));
        await StartAsync(older, newer);

        // No run is assigned to the worker that does not know the task.
        await Poll.UntilAsync(
            async () => (await database.QueryAsync("SELECT name FROM scheduled_tasks WHERE last_outcome = 'ok'")).Count == 3,
            "all three to have run");
        await StopAsync(older, newer);
        Assert.Equal(["test.both", "test.newer", "test.older"], await database.QueryAsync("SELECT JOB_NAME FROM QRTZ_JOB_DETAILS ORDER BY JOB_NAME"));
    }

    [Fact]
    public async Task FailingTask_RunsAgainAtItsNextFire()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        var runs = new Runs { Fails = true };
        using var worker = Worker(database, "one", runs, Task("test.tick", 1));
        await StartAsync(worker);
        await runs.WaitForAsync(3);
        await StopAsync(worker);
        Assert.Equal(["failed"], await database.QueryAsync("SELECT last_outcome FROM scheduled_tasks"));
        Assert.Equal(["as told"], await database.QueryAsync("SELECT last_error FROM scheduled_tasks"));
    }

    /// <summary>The stop may come while the schedule is stored, while the scheduler starts, or during a run.</summary>
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task StopAtAnyMomentOfTheStart_IsNoFault(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        for (var moment = 0; moment < 12; moment++)
        {
            // Different intervals each time, so that the schedule is stored again.
            using var worker = Worker(database, "one", new Runs(), [.. Enumerable.Range(0, 12).Select(index => Task($"test.{index}", 1000 + moment))]);
            await StartAsync(worker);
            await System.Threading.Tasks.Task.Delay(2 * moment * moment, TestContext.Current.CancellationToken);
            await StopAsync(worker);
            foreach (var service in worker.Services.GetServices<IHostedService>().OfType<BackgroundService>())
            {
                Assert.False(service.ExecuteTask!.IsFaulted, $"at {moment}: {service.ExecuteTask.Exception}");
            }
        }
    }

    private static ScheduledTask Task(string name, int seconds) => ScheduledTask.Every<Tick>(name, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(10));

    private static IHost Worker(TestDatabase database, string name, Runs runs, params ScheduledTask[] tasks) => Worker(database, name, runs, 3600, tasks);

    private static IHost Worker(TestDatabase database, string name, Runs runs, int graceSeconds, params ScheduledTask[] tasks)
    {
        var builder = database.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["SCAIGRID_TASK_GRACE_S"] = $"{graceSeconds}" });
        builder.Services.AddSingleton(runs);
        builder.Services.AddSingleton(new WorkerName(name));
        builder.AddScheduling(tasks);
        builder.CheckSettings();
        return builder.Build();
    }

    private static Task StartAsync(params IHost[] hosts) => System.Threading.Tasks.Task.WhenAll(hosts.Select(host => host.StartAsync(TestContext.Current.CancellationToken)));

    private static Task StopAsync(params IHost[] hosts) => System.Threading.Tasks.Task.WhenAll(hosts.Select(host => host.StopAsync(TestContext.Current.CancellationToken)));

    private sealed record WorkerName(string Value);

    private sealed class Runs
    {
        private readonly ConcurrentQueue<(string Worker, DateTimeOffset At)> _all = new();

        public bool Fails { get; init; }

        public IReadOnlyList<(string Worker, DateTimeOffset At)> All => [.. _all.OrderBy(run => run.At)];

        public void Add(string worker) => _all.Enqueue((worker, TimeProvider.System.GetUtcNow()));

        public async Task WaitForAsync(int count)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
            patience.CancelAfter(TimeSpan.FromSeconds(60));
            while (_all.Count < count)
            {
                await System.Threading.Tasks.Task.Delay(50, patience.Token);
            }
        }
    }

    private sealed class Tick(Runs runs, WorkerName worker) : IScheduledTask
    {
        public Task RunAsync(CancellationToken cancellationToken)
        {
            runs.Add(worker.Value);
            return runs.Fails ? throw new InvalidOperationException("as told") : System.Threading.Tasks.Task.CompletedTask;
        }
    }
}
