using System.Net;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Models;
using ScaiGrid.Tests.Platform.Auth;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Security;

/// <summary>The rotation of SCAIGRID_SECRET_KEY, with real processes.</summary>
[Trait("needs", "services")]
public sealed class SecretRotationTests(DatabaseServer server)
{
    private const string Old = Secrets.SecretKey;
    private static readonly string New = Key(7);
    private static readonly (string Table, string Column)[] Sealed =
        [("providers", "credentials"), ("backends", "credentials"), ("webhooks", "secret"), ("idempotency_keys", "answer")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Rotation_IsNoticedByNobody(DatabaseKind kind)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var issuer = await FakeIssuer.StartAsync();
        await using var redis = await RedisServer.StartAsync();
        using var folder = new TemporaryFolder();
        using var database = await MigratedAsync(kind);
        var settings = new Dictionary<string, string>(Limits.None.Concat(IssuerGrid.Settings(issuer)))
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
        };
        upstream.Play("m", new UpstreamScript());
        upstream.Play("painter", new UpstreamScript());
        string slug, link, access, refresh, created;
        await using (var api = await Replica.StartAsync(Mode.Http, With(settings, Old)))
        {
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            slug = await admin.ConnectAsync(upstream.BaseUrl, "m");
            var painter = await admin.ConnectAsync(upstream.BaseUrl, "painter", modelFields: new { modality = "image", image_price = "0.04" });
            var provider = (string)(await admin.PostAsync("/v1/providers", new { name = "own", type = "openai", config = new { } })).Created()["id"]!;
            (await admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_key = "sk-of-a-backend-1357" } })).Created();
            (await admin.PostAsync("/v1/webhooks", new { url = "https://receiver.example/x", events = new[] { "budget.*" } })).Created();
            created = await CreateOnceAsync(admin);
            await api.CatchUpAsync(admin);
            link = new Uri((string)(await admin.PostAsync("/v1/inference/images/generate", new { model = painter, prompt = "a dot" })).Ok()["data"]![0]!["url"]!).PathAndQuery;
            (access, refresh) = await SignInAsync(database, issuer, admin);
        }

        // A replica that only knows the new key yet as one that opens: the first step of the rolling change.
        await using (var api = await Replica.StartAsync(Mode.Http, With(settings, Old, New)))
        {
            await ServesAsync(api);
        }

        await using (var api = await Replica.StartAsync(Mode.Http, With(settings, New, Old)))
        {
            await ServesAsync(api);
            var output = await ModeProcess.RunAsync(Mode.Migrate, With(settings, New, Old), Cancellation, "--rotate-secret-key");
            Assert.Contains("providers: 2 rewrapped, 0 cannot", output, StringComparison.Ordinal);
            Assert.Contains("backends: 1 rewrapped, 0 cannot", output, StringComparison.Ordinal);
            Assert.Contains("webhooks: 1 rewrapped, 0 cannot", output, StringComparison.Ordinal);
            Assert.Contains("idempotency_keys: 1 rewrapped, 0 cannot", output, StringComparison.Ordinal);
            Assert.DoesNotContain(Old, output, StringComparison.Ordinal);
            Assert.DoesNotContain(New, output, StringComparison.Ordinal);
            output = await ModeProcess.RunAsync(Mode.Migrate, With(settings, New, Old), Cancellation, "--rotate-secret-key");
            Assert.Equal(Sealed.Length, output.Split(": 0 rewrapped, 0 cannot").Length - 1);
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            await api.CatchUpAsync(admin);
            await ServesAsync(api);

            // What is signed with the old key lasts until it is refreshed, or the old key is removed.
            using var person = admin.As(null);
            (access, _) = SignInDriver.Tokens((await person.PostAsync("/v1/auth/refresh", new { refresh_token = refresh })).Ok());
        }

        var box = Box(New);
        foreach (var (table, column) in Sealed)
        {
            var values = (await database.QueryAsync($"SELECT id FROM {table} WHERE {column} IS NOT NULL ORDER BY id"))
                .Zip(await database.QueryAsync($"SELECT {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY id"));
            Assert.NotEmpty(values);
            Assert.All(values, value => Assert.NotEmpty(box.Open(value.Second, value.First)));
        }

        await using (var api = await Replica.StartAsync(Mode.Http, With(settings, New)))
        {
            using var person = new ApiDriver(api.BaseAddress, access);
            (await person.GetAsync("/v1/me")).Ok();
            using var stranger = person.As(null);
            (await stranger.GetAsync(link)).Error(404, "NOT_FOUND");
            await ChatsAsync(api);
        }

        await using (var api = await Replica.StartAsync(Mode.Http, With(settings, Old)))
        {
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            Assert.NotEqual(HttpStatusCode.OK, (await admin.ChatAsync(slug)).Status);
        }

        async Task ServesAsync(ModeProcess api)
        {
            await ChatsAsync(api);
            using var person = new ApiDriver(api.BaseAddress, access);
            (await person.GetAsync("/v1/me")).Ok();
            using var stranger = person.As(null);
            using var picture = await stranger.Http.GetAsync(new Uri(api.BaseAddress, link), Cancellation);
            Assert.Equal(HttpStatusCode.OK, picture.StatusCode);
        }

        async Task ChatsAsync(ModeProcess api)
        {
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            (await admin.ChatAsync(slug)).Ok();
            Assert.Equal("Bearer sk-upstream-secret-1234", upstream.Calls.Last().Headers["Authorization"]);
            Assert.Equal(created, await CreateOnceAsync(admin));
        }
    }

    [Fact]
    public async Task ValuesThatCannotBeOpened_AreNamed_AndTheOthersAreDone()
    {
        using var database = await MigratedAsync(DatabaseKind.Sqlite);
        var (old, stranger) = (Box(Old), Box(Key(9)));
        await using (var db = await database.Contexts.CreateDbContextAsync(Cancellation))
        {
            for (var i = 0; i < 250; i++)
            {
                db.Add(ProviderRow($"prv_{i:000}", (i == 120 ? stranger : old).Seal("""{"api_key":"sk-many"}""", $"prv_{i:000}")));
            }

            db.Add(ProviderRow("prv_moved", old.Seal("{}", "prv_other")));
            db.Add(ProviderRow("prv_text", "v1:no base64"));
            await db.SaveChangesAsync(Cancellation);
        }

        var settings = With(new() { ["SCAIGRID_DATABASE_URL"] = database.Url }, New, Old);
        foreach (var rewrapped in new[] { 249, 0 })
        {
            var (code, output) = await ModeProcess.RunToEndAsync(Mode.Migrate, settings, Cancellation, "--rotate-secret-key");
            Assert.True(code == 1, output);
            Assert.Contains($"providers: {rewrapped} rewrapped, 3 cannot", output, StringComparison.Ordinal);
            Assert.All(["prv_120", "prv_moved", "prv_text"], id => Assert.Contains(id, output, StringComparison.Ordinal));
            Assert.DoesNotContain("prv_000", output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task RowThatIsChangedMeanwhile_KeepsItsChange_AndIsRewrappedToo()
    {
        using var database = await MigratedAsync(DatabaseKind.MariaDb);
        var old = Box(Old);
        await using var db = await database.Contexts.CreateDbContextAsync(Cancellation);
        db.Add(ProviderRow("prv_1", old.Seal("before", "prv_1")));
        await db.SaveChangesAsync(Cancellation);

        // The change of a replica that still has the old key. It is committed while the command waits for the row.
        Task<(int ExitCode, string Output)>? command = null;
        await db.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            await using var transaction = await db.Database.BeginTransactionAsync(Cancellation);
            await db.Set<Provider>().Where(row => row.Id == "prv_1")
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.Credentials, old.Seal("after", "prv_1")), Cancellation);
            command = ModeProcess.RunToEndAsync(
                Mode.Migrate, With(new() { ["SCAIGRID_DATABASE_URL"] = database.Url }, New, Old), Cancellation, "--rotate-secret-key");
            await Poll.UntilAsync(
                async () => (await database.QueryAsync("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE%providers%'"))[0] == "1",
                "the command's update");
            await transaction.CommitAsync(Cancellation);
        });
        var (code, output) = await command!;
        Assert.True(code == 0, output);
        Assert.Contains("providers: 1 rewrapped, 0 cannot", output, StringComparison.Ordinal);
        Assert.Equal("after", Box(New).Open((await database.QueryAsync("SELECT credentials FROM providers WHERE id = 'prv_1'")).Single(), "prv_1"));
    }

    [Theory]
    [InlineData("SCAIGRID_SECRET_KEY", null, null)]
    [InlineData("SCAIGRID_SECRET_KEY_PREVIOUS", Old, "c2hvcnQ=")]
    [InlineData("SCAIGRID_SECRET_KEY_PREVIOUS", Old, Old + ",nothing")]
    public async Task WrongKey_IsNamed_AndNotShown(string variable, string? key, string? previous)
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var settings = new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url };
        foreach (var (name, value) in new[] { ("SCAIGRID_SECRET_KEY", key), ("SCAIGRID_SECRET_KEY_PREVIOUS", previous) })
        {
            if (value is not null)
            {
                settings[name] = value;
            }
        }

        var (code, output) = await ModeProcess.RunToEndAsync(Mode.Migrate, settings, Cancellation, "--rotate-secret-key");
        Assert.Equal(78, code);
        Assert.Contains($"{variable}: ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("c2hvcnQ", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Old, output, StringComparison.Ordinal);
    }

    private async Task<TestDatabase> MigratedAsync(DatabaseKind kind)
    {
        var database = await server.CreateAsync(kind);
        await ModeProcess.RunAsync(
            Mode.Migrate, new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = database.Url, ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey }, Cancellation);
        return database;
    }

    private static async Task<string> CreateOnceAsync(ApiDriver admin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(admin.BaseAddress, "/v1/api-keys"))
        {
            Content = new StringContent("""{"name":"once"}""", System.Text.Encoding.UTF8, "application/json"),
            Headers = { { "Idempotency-Key", "created-once" } },
        };
        using var answer = await admin.Http.SendAsync(request, Cancellation);
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return (string)System.Text.Json.Nodes.JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancellation))!["data"]!["id"]!;
    }

    private static async Task<(string Access, string Refresh)> SignInAsync(TestDatabase database, FakeIssuer issuer, ApiDriver admin)
    {
        var tenant = await SeededTenant.CreateAsync(admin);
        var user = await tenant.AddUserAsync(Roles.TenantUser);
        await database.ExecuteAsync($"UPDATE users SET external_id = 'subject' WHERE id = '{user.Id}'");
        await database.ExecuteAsync("UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1");
        using var known = admin.As(issuer.Token("subject", new() { ["tenant_id"] = tenant.Id }));
        await Poll.UntilAsync(async () => (int)(await known.GetAsync("/v1/me")).Status == 200, "the user's id at the issuer");
        using var person = admin.As(null);
        var app = new SignInDriver(person, user.Email, tenant.Id);
        return SignInDriver.Tokens((await app.TokenAsync(await app.CodeAsync(issuer.SignIn(await app.AuthorizeUrlAsync(), "subject")))).Ok());
    }

    private static Dictionary<string, string> With(Dictionary<string, string> settings, string key, string? previous = null)
    {
        var with = new Dictionary<string, string>(settings) { ["SCAIGRID_SECRET_KEY"] = key };
        if (previous is not null)
        {
            with["SCAIGRID_SECRET_KEY_PREVIOUS"] = previous;
        }

        return with;
    }

    private static Provider ProviderRow(string id, string credentials) =>
        new() { Id = id, Name = id, Type = "custom", Config = "{}", Credentials = credentials, CreatedAt = default, UpdatedAt = default };

    private static SecretBox Box(string key) => new(new SecretOptions { SecretKey = key });

    private static string Key(byte fill) => Convert.ToBase64String([.. Enumerable.Repeat(fill, SecretOptions.KeyBytes)]);
}
