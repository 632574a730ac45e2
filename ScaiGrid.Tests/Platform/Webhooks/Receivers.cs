using System.Text.Json.Nodes;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Webhooks;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>A separate database with webhooks of one tenant (fast, failing, hanging), and workers that deliver their events.</summary>
internal sealed class Receivers : IAsyncDisposable
{
    private readonly EventOutbox _outbox = new(TimeProvider.System);
    private readonly RedisServer _redis;
    private string _tenantId = "";
    private string _partnerId = "";

    private Receivers(TestDatabase database, FakeReceiver receiver, RedisServer redis) => (Database, Receiver, _redis) = (database, receiver, redis);

    public TestDatabase Database { get; }

    public FakeReceiver Receiver { get; }

    /// <param name="database">The database, which is disposed with this.</param>
    /// <param name="hanging">The number of further receivers that hang.</param>
    public static async Task<Receivers> CreateAsync(TestDatabase database, int hanging = 0)
    {
        await ModeProcess.RunAsync(Mode.Migrate, new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
        });
        var receivers = new Receivers(database, await FakeReceiver.StartAsync(), await RedisServer.StartAsync());
        receivers._tenantId = (await database.QueryAsync("SELECT id FROM tenants")).Single();
        receivers._partnerId = (await database.QueryAsync("SELECT partner_id FROM tenants")).Single();
        receivers.Receiver.Fail("failing");
        receivers.Receiver.Hang("hanging");
        foreach (var name in (string[])["fast", "failing", "hanging"])
        {
            await receivers.SubscribeAsync(name, name == "fast" ? "*" : "test.*");
        }

        for (var i = 0; i < hanging; i++)
        {
            receivers.Receiver.Hang($"hanging-{i}");
            await receivers.SubscribeAsync($"hanging-{i}", "test.*");
        }

        return receivers;
    }

    public Task<ModeProcess> StartWorkerAsync() => ModeProcess.StartAsync(Mode.Worker, new Dictionary<string, string>
    {
        ["SCAIGRID_DATABASE_URL"] = Database.Url,
        ["SCAIGRID_REDIS_URL"] = _redis.Url,
        ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
        ["SCAIGRID_WEBHOOK_ALLOW_HTTP"] = "true",
        ["SCAIGRID_WEBHOOK_ALLOW_PRIVATE"] = "true",
        ["SCAIGRID_JOB_LEASE_S"] = "5",
    });

    /// <summary>Adds events at an even rate, several in each transaction.</summary>
    public async Task EmitAsync(int count, int perSecond)
    {
        const int Together = 20;
        var startedAt = TimeProvider.System.GetTimestamp();
        for (var sent = 0; sent < count; sent += Together)
        {
            await using (var db = await Database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken))
            {
                for (var i = 0; i < Together; i++)
                {
                    _outbox.Add(db, new GridEvent("test.tick", "test", _tenantId, _partnerId, new JsonObject { ["number"] = sent + i }));
                }

                await db.SaveChangesAsync(TestContext.Current.CancellationToken);
            }

            var ahead = TimeSpan.FromSeconds((sent + Together) / (double)perSecond) - TimeProvider.System.GetElapsedTime(startedAt);
            if (ahead > TimeSpan.Zero)
            {
                await Task.Delay(ahead, TestContext.Current.CancellationToken);
            }
        }
    }

    /// <summary>The events that the fast receiver got, without duplicates.</summary>
    public IReadOnlyList<ReceivedEvent> Ticks() =>
        [.. Receiver.Of("fast").Where(happened => happened.Type == "test.tick").DistinctBy(happened => happened.Id)];

    public async Task<string> StatusOfAsync(string name) =>
        (await Database.QueryAsync($"SELECT status FROM webhooks WHERE url = '{Receiver.UrlOf(name)}'")).Single();

    public async ValueTask DisposeAsync()
    {
        await Receiver.DisposeAsync();
        await _redis.DisposeAsync();
        Database.Dispose();
    }

    private async Task SubscribeAsync(string name, string events)
    {
        var id = $"wh_{name}";
        var secrets = new SecretBox(new SecretOptions { SecretKey = Secrets.SecretKey });
        await using var db = await Database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        db.Webhooks.Add(new Webhook
        {
            Id = id,
            TenantId = _tenantId,
            PartnerId = _partnerId,
            Url = Receiver.UrlOf(name),
            Events = $"[\"{events}\"]",
            Secret = secrets.Seal("a-secret-of-the-tests-own", id),
            Status = WebhookStatus.Active,
            MaxRetries = 5,
            CreatedBy = "usr_test",
            CreatedAt = DateTimeOffset.UnixEpoch,
            UpdatedAt = DateTimeOffset.UnixEpoch,
        });
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
    }
}
