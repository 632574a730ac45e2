using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A fake identity provider whose keys the tests hold. It is ScaiKey, with a platform issuer and one per tenant, or a standard issuer, and signs
/// whatever a test asks for. It counts requests for its keys.
/// </summary>
public sealed class FakeIssuer : IAsyncDisposable
{
    public const string ClientId = "scaigrid";
    public const string ClientSecret = "client-secret-of-the-tests";
    public const string Audience = "scaigrid-api";

    private const int PageSize = 2;

    private readonly WebApplication _app;
    private readonly bool _isScaiKey;
    private readonly ConcurrentDictionary<string, Dictionary<string, object>> _codes = new();
    private volatile SigningCredentials[] _keys = [Rsa("first"), Ec("second")];

    private FakeIssuer(WebApplication app, bool isScaiKey) => (_app, _isScaiKey) = (app, isScaiKey);

    /// <summary>The value of SCAIGRID_SCAIKEY_ISSUER.</summary>
    public string Url => _app.Urls.First();

    /// <summary>The name of the installation's issuer.</summary>
    public string Name => _isScaiKey ? Url + "/api/v1/platform/oauth" : Url;

    public IReadOnlyList<SigningCredentials> Keys => _keys;

    public bool IsAway { get; set; }

    /// <summary>Makes it accept calls and not answer them, until it does not hang any more.</summary>
    public bool IsHanging { get; set; }

    private int _callsHung;

    /// <summary>The number of calls that it did not answer.</summary>
    public int CallsHung => _callsHung;

    /// <summary>The lists of its admin API, by path, two items per page; other paths are not found.</summary>
    public ConcurrentDictionary<string, JsonArray> Lists { get; } = new();

    /// <summary>Makes lists claim that there are more items without giving a cursor.</summary>
    public bool LosesCursors { get; set; }

    private int _keyFetches;

    /// <summary>The number of requests for the keys.</summary>
    public int KeyFetches => _keyFetches;

    /// <summary>The form and the <c>Authorization</c> of each call of the token endpoint.</summary>
    public ConcurrentQueue<(IFormCollection Form, string Authorization)> Exchanges { get; } = new();

    public static async Task<FakeIssuer> StartAsync(bool isScaiKey = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var issuer = new FakeIssuer(app, isScaiKey);
        app.Use((context, next) =>
        {
            if (issuer.IsAway)
            {
                context.Abort();
                return Task.CompletedTask;
            }

            return issuer.IsHanging ? issuer.HangAsync(context) : next(context);
        });
        app.MapGet("{**path}", issuer.GetAsync);
        app.MapPost("{**path}", issuer.ExchangeAsync);
        await app.StartAsync();
        return issuer;
    }

    /// <summary>The name of a tenant's issuer in ScaiKey's layout.</summary>
    public string NameOf(string tenantSlug) => $"{Url}/api/v1/auth/tenants/{tenantSlug}";

    /// <summary>Replaces all keys.</summary>
    public void Rotate() => _keys = [Rsa($"rsa-{Guid.CreateVersion7():N}"), Ec($"ec-{Guid.CreateVersion7():N}")];

    /// <summary>An access token as the issuer creates it; claims that are null are left out.</summary>
    public string Token(string subject, Dictionary<string, object?>? claims = null, SigningCredentials? key = null)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var all = new Dictionary<string, object?>
        {
            ["iss"] = Name,
            ["aud"] = Audience,
            ["sub"] = subject,
            ["scope"] = "openid grid",
            ["iat"] = now.ToUnixTimeSeconds(),
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["exp"] = now.AddHours(1).ToUnixTimeSeconds(),
        };
        foreach (var (name, value) in claims ?? [])
        {
            all[name] = value;
        }

        return Sign(all, key ?? _keys[0]);
    }

    /// <summary>Signs in at an authorize URL as <paramref name="subject"/>, like a user with a browser.</summary>
    /// <returns>The URL to which the browser is redirected.</returns>
    public Uri SignIn(Uri authorizeUrl, string subject, Dictionary<string, object?>? claims = null)
    {
        var query = Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(authorizeUrl.Query);
        var code = RandomNumberGenerator.GetHexString(32);
        var all = new Dictionary<string, object>
        {
            ["sub"] = subject,
            ["iss"] = authorizeUrl.GetLeftPart(UriPartial.Path)[..^"/authorize".Length],
            ["nonce"] = query["nonce"].ToString(),
            ["challenge"] = query["code_challenge"].ToString(),
            ["redirect_uri"] = query["redirect_uri"].ToString(),
        };
        foreach (var (name, value) in claims ?? [])
        {
            all[name] = value!;
        }

        _codes[code] = all;
        return new Uri($"{query["redirect_uri"]}?code={code}&state={Uri.EscapeDataString(query["state"].ToString())}&iss={Uri.EscapeDataString((string)all["iss"])}");
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    public static SigningCredentials Rsa(string id) => new(new RsaSecurityKey(RSA.Create(2048)) { KeyId = id }, SecurityAlgorithms.RsaSha256);

    public static SigningCredentials Ec(string id) => new(new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = id }, SecurityAlgorithms.EcdsaSha256);

    private static string Sign(Dictionary<string, object?> claims, SigningCredentials key) =>
        new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(
            System.Text.Json.JsonSerializer.Serialize(claims.Where(claim => claim.Value is not null).ToDictionary()), key);

    private async Task HangAsync(HttpContext context)
    {
        Interlocked.Increment(ref _callsHung);
        while (IsHanging)
        {
            await Task.Delay(50, context.RequestAborted);
        }

        context.Abort();
    }

    private Task GetAsync(HttpContext context)
    {
        const string Discovery = "/.well-known/openid-configuration";
        var path = context.Request.Path.Value!;
        if (Lists.TryGetValue(path, out var list))
        {
            var start = int.Parse(context.Request.Query["cursor"].FirstOrDefault() ?? "0", CultureInfo.InvariantCulture);
            return context.Request.Headers.Authorization.ToString().StartsWith("Bearer ey", StringComparison.Ordinal)
                ? context.Response.WriteAsJsonAsync(new
                {
                    data = new { items = list.Skip(start).Take(PageSize) },
                    pagination = new
                    {
                        has_more = start + PageSize < list.Count,
                        next_cursor = start + PageSize < list.Count && !LosesCursors ? (start + PageSize).ToString(CultureInfo.InvariantCulture) : null,
                    },
                })
                : Results.Unauthorized().ExecuteAsync(context);
        }

        if (path.EndsWith("/jwks", StringComparison.Ordinal))
        {
            Interlocked.Increment(ref _keyFetches);
            return context.Response.WriteAsJsonAsync(new { keys = _keys.Select(key => Public(key.Key)) });
        }

        if (!path.EndsWith(Discovery, StringComparison.Ordinal) || path.StartsWith("/api/v1/", StringComparison.Ordinal) != _isScaiKey)
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        }

        var name = Url + path[..^Discovery.Length];
        return context.Response.WriteAsJsonAsync(new
        {
            issuer = name,
            jwks_uri = name + "/jwks",
            authorization_endpoint = name + "/authorize",
            token_endpoint = name + "/token",
            token_endpoint_auth_methods_supported = (string[])["client_secret_basic"],
        });
    }

    private async Task ExchangeAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        if (form["grant_type"] == "client_credentials")
        {
            await context.Response.WriteAsJsonAsync(new { access_token = Token("admin client"), token_type = "Bearer", expires_in = 3600 });
            return;
        }

        Exchanges.Enqueue((form, context.Request.Headers.Authorization.ToString()));
        var challenge = Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        if (!_codes.TryRemove(form["code"].ToString(), out var code) || (string)code["challenge"] != challenge || (string)code["redirect_uri"] != form["redirect_uri"])
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsJsonAsync(new { error = "invalid_grant" });
            return;
        }

        var claims = new Dictionary<string, object?>(code!) { ["aud"] = code.GetValueOrDefault("aud", ClientId) };
        var subject = (string)code["sub"];
        await context.Response.WriteAsJsonAsync(new { access_token = Token(subject), token_type = "Bearer", expires_in = 3600, id_token = Token(subject, claims) });
    }

    private static Dictionary<string, string> Public(SecurityKey key)
    {
        var jwk = key is RsaSecurityKey rsa
            ? JsonWebKeyConverter.ConvertFromRSASecurityKey(new RsaSecurityKey(rsa.Rsa.ExportParameters(false)) { KeyId = rsa.KeyId })
            : JsonWebKeyConverter.ConvertFromECDsaSecurityKey(new ECDsaSecurityKey(ECDsa.Create(((ECDsaSecurityKey)key).ECDsa.ExportParameters(false))) { KeyId = key.KeyId });
        return new (string Name, string? Value)[] { ("kty", jwk.Kty), ("kid", jwk.Kid), ("use", "sig"), ("n", jwk.N), ("e", jwk.E), ("crv", jwk.Crv), ("x", jwk.X), ("y", jwk.Y) }
            .Where(field => field.Value is not null).ToDictionary(field => field.Name, field => field.Value!);
    }
}
