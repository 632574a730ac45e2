using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Jobs;

/// <summary>Workers that share a queue. Each is a host of its own.</summary>
[Trait("needs", "services")]
public sealed class JobTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task TwoWorkers_RunEachJobOnce_AndLeaveNoRow(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();

        // Slow enough for both workers to get jobs.
        var work = new Work { Takes = TimeSpan.FromMilliseconds(200) };
        using var one = await StartAsync(database, work);
        using var two = await StartAsync(database, work);
        var jobs = await AddAsync(database, 400, index => (Lane: $"lane{index % 7}", Payload: $"{index}"));

        await WaitForNoneAsync(database);
        Assert.Equal(jobs.Order(), work.Ran.Select(run => run.Id).Order());
        Assert.True(work.Ran.Select(run => run.Worker).Distinct().Count() == 2, "One worker ran all jobs.");
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task WorkerThatForgetsItsJobs_LosesThemToAnother(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var dead = database.BuildServices(builder => AddQueue(builder, leaseSeconds: 5)).GetRequiredService<JobStore>();
        var jobs = await AddAsync(database, 5, index => (Lane: "", Payload: $"{index}"));
        var claimed = await dead.ClaimAsync(Work.Queue, [("", 10)], _ => false, TestContext.Current.CancellationToken);
        Assert.Equal(jobs.Order(), claimed.Select(job => job.Id).Order());

        // Claimed jobs are not due for others.
        Assert.Empty(await dead.DueAsync(TestContext.Current.CancellationToken));
        var work = new Work();
        using var other = await StartAsync(database, work);
        await WaitForNoneAsync(database);
        Assert.Equal(jobs.Order(), work.Ran.Select(run => run.Id).Order());
        Assert.All(work.Ran, run => Assert.Equal(2, run.Attempt));

        // The first worker can no longer renew its claims.
        Assert.Empty(await dead.RenewAsync(jobs, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task JobLongerThanItsLease_IsNotRunTwice(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var work = new Work { Takes = TimeSpan.FromSeconds(10) };
        using var one = await StartAsync(database, work, leaseSeconds: 4);
        using var two = await StartAsync(database, work, leaseSeconds: 4);
        await AddAsync(database, 3, index => (Lane: "", Payload: $"{index}"));

        await WaitForNoneAsync(database);
        Assert.Equal(3, work.Ran.Count);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task JobThatGoesOnFailing_IsTriedAgain_AndThenDead(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var work = new Work { Fails = payload => payload == "bad" };
        using var worker = await StartAsync(database, work);
        var bad = (await AddAsync(database, 1, _ => (Lane: "", Payload: "bad"))).Single();
        await AddAsync(database, 1, _ => (Lane: "", Payload: "good"));

        await Poll.UntilAsync(async () => (await database.QueryAsync("SELECT id FROM jobs WHERE state = 'dead'")).Count == 1, "the bad job to be dead");
        Assert.Equal([bad], await database.QueryAsync("SELECT id FROM jobs"));
        Assert.Equal(["as told"], await database.QueryAsync("SELECT error FROM jobs"));
        Assert.Equal(Work.MaxAttempts, work.Ran.Count(run => run.Id == bad));
        Assert.Equal(1, work.Ran.Count(run => run.Id != bad));
    }

    /// <summary>After an outage that was longer than the lease, the job is due again while it still runs.</summary>
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task RunningJobWhoseLeaseHasExpired_IsNotClaimedAgainByItsOwnWorker(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var work = new Work { Takes = TimeSpan.FromSeconds(4) };
        using var worker = await StartAsync(database, work);
        var job = (await AddAsync(database, 1, _ => (Lane: "", Payload: "x"))).Single();
        await Poll.UntilAsync(() => Task.FromResult(!work.Ran.IsEmpty), "the job to run");
        await database.ExecuteAsync("UPDATE jobs SET run_at = 0");

        await WaitForNoneAsync(database);
        Assert.Equal([job], work.Ran.Select(run => run.Id));
    }

    /// <summary>A connection that is reset between its opening and the first statement: the driver does not wrap the socket's exception.</summary>
    [Fact]
    public async Task ConnectionsThatAreReset_DoNotStopTheQueue()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        await using var proxy = new ResettingProxy(database.Url);
        using var behindProxy = new TestDatabase(DatabaseKind.MariaDb, proxy.Url);
        var work = new Work();
        using var worker = await StartAsync(behindProxy, work);
        await AddAsync(database, 1, _ => (Lane: "", Payload: "before"));
        await WaitForNoneAsync(database);

        proxy.IsResetting = true;
        await Poll.UntilAsync(() => Task.FromResult(proxy.Resets > 1), "connections to be reset");
        proxy.IsResetting = false;
        await AddAsync(database, 1, _ => (Lane: "", Payload: "after"));
        await WaitForNoneAsync(database);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task WorkerWhoseClockIsAhead_RetriesInTime(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var work = new Work { PutsOff = 1 };
        using var worker = await StartAsync(database, work, clock: new ClockAhead());
        await AddAsync(database, 1, _ => (Lane: "", Payload: "x"));
        await WaitForNoneAsync(database);
        Assert.Equal(2, work.Ran.Count);
    }

    [Fact]
    public async Task JobThatIsPutOff_KeepsItsAttempts()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        var work = new Work { PutsOff = 3 * Work.MaxAttempts, Fails = payload => payload == "bad" };
        using var worker = await StartAsync(database, work);
        var good = (await AddAsync(database, 1, _ => (Lane: "", Payload: "good"))).Single();
        var bad = (await AddAsync(database, 1, _ => (Lane: "", Payload: "bad"))).Single();

        await Poll.UntilAsync(async () => (await database.QueryAsync("SELECT id FROM jobs WHERE state = 'dead'")).Count == 1, "the bad job to be dead");
        Assert.Equal(work.PutsOff + Work.MaxAttempts, work.Ran.Count(run => run.Id == bad));
        await Poll.UntilAsync(async () => (await database.QueryAsync("SELECT id FROM jobs WHERE state = 'ready'")).Count == 0, "the good job to be done");
        Assert.Equal(work.PutsOff + 1, work.Ran.Count(run => run.Id == good));
    }

    [Fact]
    public async Task LaneThatHangs_DoesNotHoldUpTheOthers()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        var work = new Work { HangsIn = "stuck" };
        using var worker = await StartAsync(database, work);
        await AddAsync(database, 100, index => (Lane: "stuck", Payload: $"{index}"));
        var quick = await AddAsync(database, 100, index => (Lane: "quick", Payload: $"{index}"));

        await Poll.UntilAsync(
            async () => (await database.QueryAsync("SELECT COUNT(*) FROM jobs WHERE lane = 'quick'")).Single() == "0", "the quick lane to be empty");
        Assert.Equal(quick.Order(), work.Ran.Where(run => run.Lane == "quick").Select(run => run.Id).Order());
        Assert.Equal(["100"], await database.QueryAsync("SELECT COUNT(*) FROM jobs"));

        // A stop returns the jobs that hang, as if they had not been tried.
        await worker.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["0"], await database.QueryAsync($"SELECT COUNT(*) FROM jobs WHERE run_at > {Microseconds.From(TimeProvider.System.GetUtcNow())}"));
        Assert.Equal(["0"], await database.QueryAsync("SELECT DISTINCT attempts FROM jobs"));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task JobThatDoesNotStopInTime_IsReturnedWithItsAttempts(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var work = new Work { Takes = TimeSpan.FromMinutes(2), IgnoresLoss = true };
        using var worker = await StartAsync(database, work);
        await AddAsync(database, 1, _ => (Lane: "", Payload: "x"));
        await Poll.UntilAsync(() => Task.FromResult(!work.Ran.IsEmpty), "the job to run");

        await worker.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["0"], await database.QueryAsync($"SELECT COUNT(*) FROM jobs WHERE run_at > {Microseconds.From(TimeProvider.System.GetUtcNow())}"));
        Assert.Equal(["0"], await database.QueryAsync("SELECT attempts FROM jobs"));
    }

    [Fact]
    public async Task DueLanesOfMariaDb_AreFoundByStepsOfTheIndex()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        await AddAsync(database, 2000, index => (Lane: index % 2 == 0 ? "a" : "b", Payload: "x"));
        await database.ExecuteAsync("ANALYZE TABLE jobs");
        await using var connection = await database.Address.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"EXPLAIN {JobStore.DueSql("5")}";
        await using var plan = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var steps = new List<string?>();
        while (await plan.ReadAsync(TestContext.Current.CancellationToken))
        {
            steps.Add($"{plan["select_type"]}: {plan["Extra"]}");
        }

        Assert.Contains("DERIVED: Using where; Using index for group-by", steps);
    }

    // By default the lease is longer than any delay on a busy machine. Tests of leases set it.
    private static async Task<IHost> StartAsync(TestDatabase database, Work work, int leaseSeconds = 60, TimeProvider? clock = null)
    {
        var builder = database.CreateBuilder();
        AddQueue(builder, leaseSeconds);
        builder.Services.AddSingleton(work);
        builder.Services.AddSingleton(clock ?? TimeProvider.System);
        builder.Services.AddHostedService<JobRunner>();
        var host = builder.Build();
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private static void AddQueue(IHostApplicationBuilder builder, int leaseSeconds)
    {
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["SCAIGRID_JOB_LEASE_S"] = $"{leaseSeconds}" });
        builder.AddJobs();
        builder.Services.AddJobQueue<Handler>(Work.Queue, concurrency: 50, Work.MaxAttempts);
    }

    private static async Task<IReadOnlyList<string>> AddAsync(TestDatabase database, int count, Func<int, (string Lane, string Payload)> make)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        var jobs = Enumerable.Range(0, count).Select(make)
            .Select(job => Job.New(TimeProvider.System, Work.Queue, job.Payload, tenantId: null, partnerId: null, job.Lane)).ToList();
        db.Jobs.AddRange(jobs);
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        return jobs.ConvertAll(job => job.Id);
    }

    private static Task<TimeSpan> WaitForNoneAsync(TestDatabase database) =>
        Poll.UntilAsync(async () => (await database.QueryAsync("SELECT COUNT(*) FROM jobs")).Single() == "0", "the queue to be empty");

    /// <summary>What the handlers of a test do, and the jobs that they ran.</summary>
    private sealed class Work
    {
        public const string Queue = "test";
        public const int MaxAttempts = 2;

        public ConcurrentBag<(string Id, string Lane, int Attempt, Handler Worker)> Ran { get; } = [];

        public TimeSpan Takes { get; init; }

        public Func<string, bool> Fails { get; init; } = _ => false;

        public string? HangsIn { get; init; }

        /// <summary>Whether jobs go on when their worker stops.</summary>
        public bool IgnoresLoss { get; init; }

        /// <summary>How often each job is postponed before it succeeds or fails.</summary>
        public int PutsOff { get; init; }
    }

    private sealed class ClockAhead : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddHours(1);
    }

    private sealed class Handler(Work work) : IJobHandler
    {
        public int LaneLimit(string lane) => 10;

        public Task RunAsync(IReadOnlyList<ClaimedJob> jobs) => Task.WhenAll(jobs.Select(RunAsync));

        private async Task RunAsync(ClaimedJob job)
        {
            work.Ran.Add((job.Id, job.Lane, job.Attempts, this));
            await Task.Delay(job.Lane == work.HangsIn ? Timeout.InfiniteTimeSpan : work.Takes, work.IgnoresLoss ? CancellationToken.None : job.Lost);
            job.End(work.Ran.Count(run => run.Id == job.Id) <= work.PutsOff ? JobEnd.Again(TimeSpan.Zero)
                : work.Fails(job.Payload) ? JobEnd.Failed("as told") : JobEnd.Done());
        }
    }
}
