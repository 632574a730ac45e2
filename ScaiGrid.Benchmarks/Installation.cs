using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// A complete ScaiGrid as in production: Api and Worker as processes, MariaDB, and Redis configured as in the compose file. All four limits are
/// counted for every call, and metering is on.
/// </summary>
internal sealed class Installation : IAsyncDisposable
{
    public const string Key = "sgk_benchmark-key-0123456789abcdefghijklmnop";
    public const string Model = "bench/mock";

    private const string Unreachable = "100000000";

    private readonly TemporaryFolder _folder = new();
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly HttpClientHandler _handler = new();
    private readonly HttpClient _admin;
    private readonly string _source;
    private readonly int _port = FreePort.Next();
    private ServerProcess _api = null!;
    private ServerProcess _worker = null!;

    private Installation(string source)
    {
        _source = source;
        _admin = new HttpClient(_handler) { BaseAddress = new Uri($"http://127.0.0.1:{_port}") };
        _admin.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
    }

    /// <summary>The configuration string for the Redis client.</summary>
    public string RedisConfiguration { get; private set; } = "";

    /// <param name="upstreamPort">The port of the upstream behind <see cref="Model"/>.</param>
    /// <param name="isCrowded">Whether the database also has <see cref="Benchmarks.Crowd"/>.</param>
    /// <param name="isLimited">Whether limits and budgets apply to calls.</param>
    /// <param name="source">The folder of the source tree whose build runs; null for this one.</param>
    public static async Task<Installation> StartAsync(int upstreamPort, bool isCrowded = false, bool isLimited = true, string? source = null)
    {
        var made = new Installation(source ?? Repository.Root);
        var limit = isLimited ? Unreachable : "0";
        var database = made.Own(await MariaDbServer.StartAsync());
        var redis = made.Own(await RedisServer.StartAsync("everysec"));
        made.RedisConfiguration = redis.Configuration;
        var settings = new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url(),
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_DATA_DIR"] = made._folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Key,

            // Counted at every level, but never reached.
            ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = limit,
            ["SCAIGRID_RATE_LIMIT_USER_RPM"] = limit,
            ["SCAIGRID_RATE_LIMIT_TENANT_RPM"] = limit,
            ["SCAIGRID_RATE_LIMIT_PARTNER_RPM"] = limit,
            ["SCAIGRID_HTTP_PORT"] = $"{made._port}",
            ["SCAIGRID_WORKER_PORT"] = $"{FreePort.Next()}",
        };
        var (exitCode, output) = await ServerProcess.RunAsync("dotnet", [made.Program("Migrator")], settings.ToDictionary(pair => pair.Key, string? (pair) => pair.Value));
        if (exitCode != 0)
        {
            throw new InvalidOperationException(output);
        }

        made._api = await ServerProcess.StartAsync("dotnet", [made.Program("Api")], made._port, settings);
        var backendId = await made.ConnectAsync(upstreamPort);
        if (isLimited)
        {
            await made.SendAsync(HttpMethod.Post, "/v1/accounting/budgets", """{"name":"bench","scope":"tenant","period":"monthly","cost_limit":"1000000","hard_action":"block"}""");
        }

        if (isCrowded)
        {
            // The rows are not announced to replicas: a newly started one reads everything.
            await made._api.DisposeAsync();
            await Benchmarks.Crowd.FillAsync(database.ConnectionString(), backendId);
            settings["SCAIGRID_DATA_DIR"] = made._folder.File("crowded");
            made._api = await ServerProcess.StartAsync("dotnet", [made.Program("Api")], made._port, settings);
        }

        made.Own(made._api);
        made._worker = made.Own(ServerProcess.Start("dotnet", [made.Program("Worker")], settings));
        return made;
    }

    /// <summary>Calls with the bootstrap key.</summary>
    public Subject Caller(string name) => Subject(name, [(Key, Model)]);

    /// <summary>Calls with all keys of the crowd.</summary>
    public Subject Crowd(string name) => Subject(name, Benchmarks.Crowd.Callers);

    /// <summary>Calls with the key of a tenant without limits and budgets: the difference is the cost of admission.</summary>
    public async Task<Subject> UnlimitedAsync(string name)
    {
        var partner = await SendAsync(HttpMethod.Post, "/v1/partners", """{"slug":"free","display_name":"Free"}""");
        var tenant = await SendAsync(HttpMethod.Post, "/v1/tenants", $$"""{"slug":"free","display_name":"Free","partner_id":"{{partner["id"]}}"}""");
        var user = await SendAsync(
            HttpMethod.Post, "/v1/users", $$"""{"email":"free@bench.example","display_name":"Free","tenant_id":"{{tenant["id"]}}","roles":["tenant_user"]}""");
        var key = await SendAsync(HttpMethod.Post, "/v1/api-keys", $$"""{"name":"free","assigned_user_id":"{{user["id"]}}"}""");
        const string None = """{"requests_per_minute":0}""";
        await SendAsync(HttpMethod.Put, $"/v1/tenants/{tenant["id"]}/rate-limits", $$"""{"key":{{None}},"user":{{None}},"tenant":{{None}}}""");
        await SendAsync(HttpMethod.Put, $"/v1/partners/{partner["id"]}/rate-limits", $$"""{"partner":{{None}}}""");
        return Subject(name, [((string)key["key"]!, Model)]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _admin.Dispose();
        _handler.Dispose();
        _folder.Dispose();
    }

    private string Program(string name)
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/')))!;
        return Path.Combine(_source, $"ScaiGrid.{name}", "bin", configuration, "net10.0", $"ScaiGrid.{name}.dll");
    }

    private Subject Subject(string name, IReadOnlyList<(string? Key, string Model)> callers) =>
        new(name, _api.Id, _port, "/oai/v1/chat/completions", callers, _worker.Id);

    /// <returns>The backend's id.</returns>
    private async Task<string> ConnectAsync(int upstreamPort)
    {
        var provider = await SendAsync(
            HttpMethod.Post, "/v1/providers", $$"""{"name":"mock","type":"custom","config":{"base_url":"http://127.0.0.1:{{upstreamPort}}/v1","api_key":"secret"} }""");
        var backend = await SendAsync(
            HttpMethod.Post, "/v1/backends", $$"""{"name":"mock","provider_id":"{{provider["id"]}}","model":"mock","capabilities":["chat"]}""");
        var model = await SendAsync(
            HttpMethod.Post, "/v1/models", $$"""{"slug":"{{Model}}","display_name":"Mock","modality":"chat","input_price_per_mtok":"1","output_price_per_mtok":"2"}""");
        await SendAsync(HttpMethod.Put, $"/v1/models/{model["id"]}/routing", $$"""{"targets":[{"backend_id":"{{backend["id"]}}","weight":1,"priority":0}] }""");
        return (string)backend["id"]!;
    }

    private async Task<JsonNode> SendAsync(HttpMethod method, string path, string json)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new StringContent(json, new MediaTypeHeaderValue("application/json")) };
        using var response = await _admin.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? JsonNode.Parse(text)!["data"]! : throw new InvalidOperationException($"{path}: {text}");
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
