using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Replicas of the grid that trust a test issuer: two of http and one of grpc. They are started for the first test that needs them.</summary>
public sealed class IssuerGrid(Grid grid) : IAsyncLifetime
{
    public const string RedirectUri = "https://app.example/signed-in";
    public const string WebhookSecret = "webhook-secret-of-the-tests-0123456789";

    public FakeIssuer Issuer { get; private set; } = null!;

    public ModeProcess Replica { get; private set; } = null!;

    public ModeProcess OtherReplica { get; private set; } = null!;

    public ModeProcess Grpc { get; private set; } = null!;

    public static Dictionary<string, string> Settings(FakeIssuer issuer) => new()
    {
        ["SCAIGRID_SCAIKEY_ISSUER"] = issuer.Url,
        ["SCAIGRID_SCAIKEY_CLIENT_ID"] = FakeIssuer.ClientId,
        ["SCAIGRID_SCAIKEY_CLIENT_SECRET"] = FakeIssuer.ClientSecret,
        ["SCAIGRID_SCAIKEY_AUDIENCE"] = FakeIssuer.Audience,
        ["SCAIGRID_SCAIKEY_WEBHOOK_SECRET"] = WebhookSecret,
        ["SCAIGRID_AUTH_REDIRECT_URIS"] = $"{RedirectUri},https://other.example/",
        ["SCAIGRID_PUBLIC_URL"] = "https://grid.example",
        ["SCAIGRID_TRUSTED_PROXIES"] = "127.0.0.1",
        ["SCAIGRID_AUTH_ATTEMPTS_PER_MINUTE"] = "100",
    };

    public async ValueTask InitializeAsync()
    {
        await grid.EnsureStartedAsync();
        Issuer = await FakeIssuer.StartAsync();
        var settings = grid.Services!.Settings;
        foreach (var (name, value) in Settings(Issuer))
        {
            settings[name] = value;
        }

        var replicas = await Task.WhenAll(
            Support.Replica.StartAsync(Mode.Http, settings), Support.Replica.StartAsync(Mode.Http, settings), Support.Replica.StartAsync(Mode.Grpc, settings));
        (Replica, OtherReplica, Grpc) = (replicas[0], replicas[1], replicas[2]);
    }

    /// <summary>Adds a user with an id at the issuer, and waits until the replicas know it.</summary>
    public async Task<SeededUser> AddUserAsync(SeededTenant tenant, string subject, string role = Roles.TenantUser)
    {
        var user = await tenant.AddUserAsync(role);
        await TieAsync("users", user.Id, subject);
        foreach (var replica in new[] { Replica, OtherReplica })
        {
            using var api = As(Issuer.Token(subject, new() { ["tenant_id"] = tenant.Id }), replica);
            await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 200, "the user's id at the issuer");
        }

        return user;
    }

    /// <summary>Sets the external id of a row, by which the issuer knows it.</summary>
    public Task TieAsync(string table, string id, string externalId) => grid.Services!.MariaDb.ExecuteAsync(
        $"UPDATE {table} SET external_id = @external WHERE id = @id; UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1",
        ("external", externalId), ("id", id));

    /// <summary>A driver that calls a replica with this token.</summary>
    public ApiDriver As(string? token, ModeProcess? replica = null) => new((replica ?? Replica).BaseAddress, token);

    public async ValueTask DisposeAsync()
    {
        foreach (var part in new IAsyncDisposable?[] { Replica, OtherReplica, Grpc, Issuer })
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }
    }
}

/// <summary>The tests of a collection run one after another, so that they can count the requests to the issuer.</summary>
[CollectionDefinition(Name)]
public sealed class IssuerCollection : ICollectionFixture<IssuerGrid>
{
    public const string Name = "issuer";
}
