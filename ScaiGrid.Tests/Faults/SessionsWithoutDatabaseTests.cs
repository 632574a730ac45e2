using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Platform.Auth;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>A replica that starts while the database is unavailable cannot know which sessions have ended.</summary>
[Trait("needs", "services")]
public sealed class SessionsWithoutDatabaseTests
{
    [Fact]
    public async Task DatabaseAwayAtTheStart_NoSessionIsAccepted_UntilTheEndedOnesAreKnown()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var services = await GridServices.StartAsync();
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string>(services.Settings) { ["SCAIGRID_DATA_DIR"] = folder.File("data") };
        foreach (var (name, value) in IssuerGrid.Settings(issuer))
        {
            settings[name] = value;
        }

        await services.MigrateAsync();
        string going, gone, key;
        await using (var first = await Replica.StartAsync(Mode.Http, settings))
        {
            using var admin = new ApiDriver(first.BaseAddress, Secrets.AdminKey);
            using var nobody = admin.As(null);
            var tenant = await SeededTenant.CreateAsync(admin);
            using var user = await tenant.AddUserAsync(Roles.TenantUser);
            (await admin.PutAsync($"/v1/users/{user.Id}", new { external_id = "person" })).Ok();
            key = user.Api.Key!;
            (going, gone) = (await SignInAsync(), await SignInAsync());
            using var ending = admin.As(gone);
            (await ending.PostAsync("/v1/auth/logout", new { })).NoContent();
            (await ending.GetAsync("/v1/me")).Error(401, "SESSION_EXPIRED");
            var since = TimeProvider.System.GetUtcNow().UtcDateTime;
            await Poll.UntilAsync(
                async () =>
                {
                    await admin.CreateKeyAsync();
                    return File.GetLastWriteTimeUtc(folder.File("data/snapshot.sealed")) > since;
                },
                "the saved snapshot");

            async Task<string> SignInAsync()
            {
                var app = new SignInDriver(nobody, user.Email, tenant.Id);
                return SignInDriver.Tokens((await app.TokenAsync(await app.CodeAsync(issuer.SignIn(await app.AuthorizeUrlAsync(), "person")))).Ok()).Access;
            }
        }

        await services.MariaDb.KillAsync();
        await using var late = await ModeProcess.StartAsync(Mode.Http, settings);
        using var withKey = new ApiDriver(late.BaseAddress, key);
        using var withGoing = withKey.As(going);
        using var withGone = withKey.As(gone);
        (await withKey.ChatAsync("scailabs/echo")).Ok();
        (await withGone.ChatAsync("scailabs/echo")).Error(503, "SERVICE_UNAVAILABLE");
        (await withGoing.ChatAsync("scailabs/echo")).Error(503, "SERVICE_UNAVAILABLE");
        await services.MariaDb.RestartAsync();
        await Poll.UntilAsync(async () => (int)(await withGoing.ChatAsync("scailabs/echo")).Status == 200, "the ended sessions");
        (await withGone.ChatAsync("scailabs/echo")).Error(401, "SESSION_EXPIRED");
    }
}
