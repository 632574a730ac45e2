using System.Globalization;
using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>The maximum number of active keys of one user.</summary>
[Trait("needs", "services")]
public sealed class ApiKeyLimitTests(DatabaseServer server)
{
    private const int Limit = 4;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task KeysMadeAtOnceOverReplicas_AreNoMoreThanTheUserMayHave(DatabaseKind kind)
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_DATABASE_URL"] = (await server.CreateAsync(kind)).Url,
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
            ["SCAIGRID_API_KEYS_PER_USER"] = $"{Limit}",
        };
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var one = await Replica.StartAsync(Mode.Http, settings);
        await using var two = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(one.BaseAddress, Secrets.AdminKey);
        using var elsewhere = new ApiDriver(two.BaseAddress, Secrets.AdminKey);
        var user = (string)(await admin.PostAsync("/v1/users", new { email = "many@test.example", roles = new[] { "tenant_user" } })).Created()["id"]!;

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => AddAsync(i % 2 == 0 ? admin : elsewhere)));
        var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
        Assert.Equal(Limit, made.Count);
        var refused = answers.First(answer => (int)answer.Status != 201).Error(409, "CONFLICT");
        Assert.Equal("The user already has the maximum number of API keys: first revoke one that is no longer used.", (string?)refused["message"]);

        // The limit applies to each user separately, and neither a revoked nor an expired key counts.
        (await admin.PostAsync("/v1/api-keys", new { name = "mine" })).Created();
        (await admin.DeleteAsync($"/v1/api-keys/{made[0]}")).NoContent();
        (await AddAsync(elsewhere, TimeProvider.System.GetUtcNow().AddSeconds(20))).Created();
        (await AddAsync(elsewhere)).Error(409, "CONFLICT");
        await Poll.UntilAsync(async () => (int)(await AddAsync(admin)).Status == 201, "the key to expire");
        (await AddAsync(admin)).Error(409, "CONFLICT");

        Task<Answer> AddAsync(ApiDriver api, DateTimeOffset? expiresAt = null) => api.PostAsync(
            "/v1/api-keys", new { name = "one of many", assigned_user_id = user, expires_at = expiresAt?.ToString("O", CultureInfo.InvariantCulture) });
    }
}
