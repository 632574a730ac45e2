using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Tenants' own issuers, whose addresses contain ScaiKey's slugs: those may change there, while ours do not.</summary>
[Collection(IssuerCollection.Name)]
public sealed class ScaiKeySlugTests(Grid grid, IssuerGrid issuers) : ScaiKeyTest(grid, issuers)
{
    [Fact]
    public async Task ChangedSlug_MovesTheTenantsIssuer()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var (tenant, user, _) = await UserAsync();
        await AnswersAsync(replica, issuer, user, tenant, 200);

        var renamed = Fresh.Name();
        await HandledAsync("tenant.updated", tenant, new() { ["slug"] = renamed });
        await AnswersAsync(replica, issuer, user, renamed, 200);
        await AnswersAsync(replica, issuer, user, tenant, 401);

        // An event without a slug changes nothing, and our own slug, which names of models contain, stays.
        await HandledAsync("tenant.updated", tenant, new() { ["display_name"] = "Renamed" });
        await replica.CatchUpAsync(Admin);
        await AnswersAsync(replica, issuer, user, renamed, 200);
        using var api = Issuers.As(issuer.Token(user, new() { ["iss"] = issuer.NameOf(renamed) }), replica);
        Assert.Equal(tenant, (string?)(await api.GetAsync("/v1/me")).Ok()["tenant"]!["slug"]);

        // A token that names its tenant by slug.
        await AnswersAsync(replica, issuer, user, renamed, 200, named: renamed);
        await AnswersAsync(replica, issuer, user, renamed, 401, named: Fresh.Name());
    }

    [Fact]
    public async Task SlugOfAnotherTenant_NamesTheOneThatHasItNow()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var (first, firstUser, _) = await UserAsync();
        var (second, secondUser, _) = await UserAsync();
        var at = Now;

        // The event of the first tenant's new slug is late.
        await HandledAsync("tenant.updated", second, new() { ["slug"] = first });
        await AnswersAsync(replica, issuer, secondUser, first, 200);
        await AnswersAsync(replica, issuer, firstUser, first, 401);
        Assert.Equal((true, false), Outcome(await SendAsync(Event("tenant.updated", first, new() { ["slug"] = first }, at: at))));
        await replica.CatchUpAsync(Admin);
        await AnswersAsync(replica, issuer, secondUser, first, 200);

        var renamed = Fresh.Name();
        await HandledAsync("tenant.updated", first, new() { ["slug"] = renamed });
        await AnswersAsync(replica, issuer, firstUser, renamed, 200);
        await AnswersAsync(replica, issuer, secondUser, first, 200);
    }

    [Fact]
    public async Task LostSlug_StaysLost_ThoughItsHolderIsSuspended()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var (first, firstUser, _) = await UserAsync();
        var (second, secondUser, _) = await UserAsync();
        await HandledAsync("tenant.updated", second, new() { ["slug"] = first });
        await AnswersAsync(replica, issuer, secondUser, first, 200);
        await HandledAsync("tenant.deleted", second, []);
        await replica.CatchUpAsync(Admin);
        await RefusedAsync(replica, issuer, secondUser, issuer.NameOf(first));
        await RefusedAsync(replica, issuer, firstUser, issuer.NameOf(first));
        await RefusedAsync(replica, issuer, firstUser, issuer.NameOf(second));
    }

    [Fact]
    public async Task SlugThatIsInUseHere_IsTheIssuersAllTheSame()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var ours = await SeededTenant.CreateAsync(Grid);
        var (partner, tenant, user) = (Fresh.Name(), Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = ours.Slug, ["display_name"] = "Tenant" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        await AnswersAsync(replica, issuer, user, ours.Slug, 200);

        // The issuer speaks for its tenant alone.
        var stranger = Fresh.Name();
        using var local = await ours.AddUserAsync("tenant_user");
        await Issuers.TieAsync("users", local.Id, stranger);
        await replica.CatchUpAsync(Admin);
        await RefusedAsync(replica, issuer, stranger, issuer.NameOf(ours.Slug));

        // Nor does our slug in another token mean our tenant.
        using (var api = Issuers.As(issuer.Token(stranger, new() { ["tenant_id"] = ours.Id }), replica))
        {
            (await api.GetAsync("/v1/me")).Ok();
        }

        await RefusedAsync(replica, issuer, stranger, issuer.Name, named: ours.Slug);
    }

    [Fact]
    public async Task SlugOfASuspendedTenant_DoesNotNameOurs()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var ours = await SeededTenant.CreateAsync(Grid);
        var (partner, tenant, stranger) = (Fresh.Name(), Fresh.Name(), Fresh.Name());
        using var local = await ours.AddUserAsync("tenant_user");
        await Issuers.TieAsync("users", local.Id, stranger);
        await AnswersAsync(replica, issuer, stranger, ours.Slug, 200);
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = ours.Slug, ["display_name"] = "Tenant" }, partner: partner);
        await HandledAsync("tenant.deleted", tenant, []);
        await replica.CatchUpAsync(Admin);
        await RefusedAsync(replica, issuer, stranger, issuer.NameOf(ours.Slug));
        await RefusedAsync(replica, issuer, stranger, issuer.Name, named: ours.Slug);
    }

    [Fact]
    public async Task SlugThatIsInUseHere_DoesNotLinkAUserOfOurs()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var ours = await SeededTenant.CreateAsync(Grid);
        using var user = await ours.AddUserAsync("tenant_user");
        await Services.MariaDb.ExecuteAsync("UPDATE users SET email = LOWER(email) WHERE id = @id", ("id", user.Id));
        var (partner, tenant) = (Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = ours.Slug, ["display_name"] = "Tenant" }, partner: partner);
        await replica.CatchUpAsync(Admin);
        using var api = Issuers.As(null, replica);
        var app = new SignInDriver(api, user.Email, ours.Id);
        var claims = new Dictionary<string, object?> { ["email"] = user.Email, ["email_verified"] = true, ["tenant_id"] = ours.Slug };
        using (var refused = await app.CallbackAsync(issuer.SignIn(await app.AuthorizeUrlAsync(), Fresh.Name(), claims)))
        {
            Assert.EndsWith("error=access_denied", refused.Headers.Location?.OriginalString, StringComparison.Ordinal);
        }

        claims["tenant_id"] = ours.Id;
        await app.CodeAsync(issuer.SignIn(await app.AuthorizeUrlAsync(), Fresh.Name(), claims));
    }

    private Task<ModeProcess> StartAsync(FakeIssuer issuer)
    {
        var settings = Services.Settings;
        foreach (var (name, value) in IssuerGrid.Settings(issuer))
        {
            settings[name] = value;
        }

        return Replica.StartAsync(Mode.Http, settings);
    }

    private async Task RefusedAsync(ModeProcess replica, FakeIssuer issuer, string user, string iss, string? named = null)
    {
        using var api = Issuers.As(issuer.Token(user, new() { ["iss"] = iss, ["tenant_id"] = named }), replica);
        Assert.Equal(401, (int)(await api.GetAsync("/v1/me")).Status);
    }

    /// <summary>Waits until a token of this tenant's issuer is answered so: the event was sent to another replica.</summary>
    private async Task AnswersAsync(ModeProcess replica, FakeIssuer issuer, string user, string slug, int status, string? named = null)
    {
        using var api = Issuers.As(issuer.Token(user, new() { ["iss"] = issuer.NameOf(slug), ["tenant_id"] = named }), replica);
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == status, $"{status} for a token of the issuer of {slug}", TimeSpan.FromSeconds(20));
    }
}
