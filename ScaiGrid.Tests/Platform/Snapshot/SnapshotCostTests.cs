using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>The cost of a change for a replica of a large installation: 10,000 keys, 1,000 models, 100 tenants.</summary>
[Collection(TimedTests.Name)]
[Trait("needs", "services")]
[Trait("lane", "long")]
public sealed class SnapshotCostTests(DatabaseServer server)
{
    private const int Tenants = 100;
    private const int KeysEach = 100;
    private const int ModelCount = 1000;

    private static readonly SecretBox Box = new(new SecretOptions { SecretKey = Secrets.SecretKey });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Change_CostsAFractionOfALoad(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var tenantId = await SeedAsync(database);
        using var http = new UpstreamHttp(new InferenceOptions(), TimeProvider.System);
        using var board = new HealthBoard(TimeProvider.System);
        using var folder = new TemporaryFolder();
        var host = new HostSettings { DataDirectory = folder.Path };
        var pool = new BackendPool(new ProviderCatalog(http, TimeProvider.System), new ProviderSecrets(Box), board, NullLogger<BackendPool>.Instance);
        var file = new SnapshotFile(host, new SnapshotOptions(), Box, TimeProvider.System, NullLogger<SnapshotFile>.Instance);
        var routes = new RouteTable(NullLogger<RouteTable>.Instance);
        var credentials = new CredentialPool();
        var loader = new SnapshotLoader(database.Contexts, pool, routes, new PermissionCatalogue([]), credentials, new AdmissionOptions(), file, TimeProvider.System);

        var (first, _) = await loader.LoadAsync(Cancellation);
        credentials.Turn();
        Assert.True(first.Keys.Count > Tenants * KeysEach);
        Assert.True(first.Models.Count > ModelCount);

        // Each is run once, so that the code is compiled. Then the median of five runs counts.
        await AddKeyAsync(database, tenantId);
        await loader.LoadAsync(Cancellation);
        credentials.Turn();
        var whole = await MiddleAsync(() => database.ExecuteAsync("UPDATE snapshot_revision SET revision = revision + 1"), loader, credentials);
        var change = await MiddleAsync(() => AddKeyAsync(database, tenantId), loader, credentials);
        var saving = TimeProvider.System.GetTimestamp();
        await loader.SaveAsync(loader.Seal()!, Cancellation);
        var saved = TimeProvider.System.GetElapsedTime(saving);
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{kind}: whole load {whole.Milliseconds:F0} ms of processor, {whole.Megabytes:F1} MB; one key {change.Milliseconds:F1} ms, {change.Megabytes:F2} MB; kept on disk in {saved.TotalMilliseconds:F0} ms, {new FileInfo(folder.File("snapshot.sealed")).Length / 1024} KiB"));

        // The processor's time depends on what else the machine does.
        Assert.True(change.Megabytes < whole.Megabytes * 0.3, $"A change cost {change.Megabytes:F1} MB, a whole load {whole.Megabytes:F1} MB.");
    }

    private static async Task<(double Milliseconds, double Megabytes)> MiddleAsync(Func<Task> change, SnapshotLoader loader, CredentialPool credentials)
    {
        var costs = new List<(double Milliseconds, double Megabytes)>();
        for (var i = 0; i < 5; i++)
        {
            await change();
            var (processor, allocated) = (Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(precise: true));
            await loader.LoadAsync(Cancellation);
            credentials.Turn();
            costs.Add(((Environment.CpuUsage.TotalTime - processor).TotalMilliseconds, (GC.GetTotalAllocatedBytes(precise: true) - allocated) / 1e6));
        }

        return costs.Order().ElementAt(2);
    }

    private static async Task AddKeyAsync(TestDatabase database, string tenantId)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(Cancellation);
        var user = NewUser(tenantId);
        db.AddRange(user, NewKey(user));
        await db.SaveChangesAsync(Cancellation);
    }

    /// <returns>The id of one of the tenants.</returns>
    private static async Task<string> SeedAsync(TestDatabase database)
    {
        var (now, partnerId, tenantId) = (DateTimeOffset.UnixEpoch, Ids.New(Ids.Partner, TimeProvider.System), "");
        var providerId = Ids.New(Ids.Provider, TimeProvider.System);
        await using (var db = await database.Contexts.CreateDbContextAsync(Cancellation))
        {
            db.Add(new Partner { Id = partnerId, Slug = "big", DisplayName = "Big", CreatedAt = now, UpdatedAt = now });
            db.Add(new Provider { Id = providerId, Name = "big", Type = "custom", Config = """{"base_url":"http://127.0.0.1:1/v1"}""", Credentials = Box.Seal("""{"api_key":"sk-big"}""", providerId), CreatedAt = now, UpdatedAt = now });
            await db.SaveChangesAsync(Cancellation);
        }

        for (var i = 0; i < Tenants; i++)
        {
            await using var db = await database.Contexts.CreateDbContextAsync(Cancellation);
            tenantId = Ids.New(Ids.Tenant, TimeProvider.System);
            db.Add(new Tenant { Id = tenantId, PartnerId = partnerId, Slug = $"big-{i}", DisplayName = "Big", CreatedAt = now, UpdatedAt = now });
            for (var j = 0; j < KeysEach; j++)
            {
                var user = NewUser(tenantId);
                db.AddRange(user, new UserRole { UserId = user.Id, Role = "tenant_user" }, NewKey(user));
            }

            for (var j = 0; j < ModelCount / Tenants; j++)
            {
                var backend = new Backend { Id = Ids.New(Ids.Backend, TimeProvider.System), ProviderId = providerId, Name = "big", Model = "m", Uri = "custom:m", CreatedAt = now, UpdatedAt = now };
                var model = new Model { Id = Ids.New(Ids.Model, TimeProvider.System), Slug = $"big/{i}-{j}", DisplayName = "Big", Modality = "chat", ContextWindow = 0, CreatedAt = now, UpdatedAt = now };
                db.AddRange(backend, model, new RoutingTarget { ModelId = model.Id, BackendId = backend.Id });
            }

            await db.SaveChangesAsync(Cancellation);
        }

        return tenantId;
    }

    private static User NewUser(string tenantId)
    {
        var id = Ids.New(Ids.User, TimeProvider.System);
        return new User { Id = id, TenantId = tenantId, Email = $"{id}@big.example", DisplayName = "Big", CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch };
    }

    private static ApiKey NewKey(User user)
    {
        var id = Ids.New(Ids.ApiKey, TimeProvider.System);
        return new ApiKey { Id = id, TenantId = user.TenantId, UserId = user.Id, Name = "big", Hash = ApiKey.HashOf(id), Prefix = "sgk_", CreatedAt = DateTimeOffset.UnixEpoch, CreatedBy = user.Id };
    }
}
