using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;

namespace ScaiGrid.Benchmarks;

/// <summary>Everything that runs beside the driver: upstream, YARP, and ScaiGrid on MariaDB and Redis, as in production, with metering on.</summary>
internal sealed class Setup : IAsyncDisposable
{
    private const string Key = "sgk_benchmark-key-0123456789abcdefghijklmnop";

    private readonly TemporaryFolder _folder = new();
    private readonly List<IAsyncDisposable> _parts = [];

    public Subject Direct { get; private set; } = null!;

    public Subject Yarp { get; private set; } = null!;

    public Subject ScaiGrid { get; private set; } = null!;

    public static async Task<Setup> StartAsync()
    {
        var setup = new Setup();
        var own = typeof(Setup).Assembly.Location;
        var (upstreamPort, yarpPort, apiPort) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var upstream = setup.Own(await ServerProcess.StartAsync("dotnet", [own, "upstream", $"{upstreamPort}"], upstreamPort));
        var yarp = setup.Own(await ServerProcess.StartAsync("dotnet", [own, "yarp", $"{yarpPort}", $"http://127.0.0.1:{upstreamPort}"], yarpPort));
        var database = setup.Own(await MariaDbServer.StartAsync());
        var redis = setup.Own(await RedisServer.StartAsync());
        var settings = new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url(),
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_DATA_DIR"] = setup._folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Key,

            // Counted at every level, and never reached.
            ["SCAIGRID_RATE_LIMIT_KEY_RPM"] = "100000000",
            ["SCAIGRID_RATE_LIMIT_USER_RPM"] = "100000000",
            ["SCAIGRID_RATE_LIMIT_TENANT_RPM"] = "100000000",
            ["SCAIGRID_RATE_LIMIT_PARTNER_RPM"] = "100000000",
            ["SCAIGRID_HTTP_PORT"] = $"{apiPort}",
            ["SCAIGRID_WORKER_PORT"] = $"{FreePort.Next()}",
        };
        foreach (var (name, value) in settings)
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        var (exitCode, output) = await ServerProcess.RunAsync("dotnet", [Program("Migrator")]);
        if (exitCode != 0)
        {
            throw new InvalidOperationException(output);
        }

        var api = setup.Own(await ServerProcess.StartAsync("dotnet", [Program("Api")], apiPort));
        setup.Own(ServerProcess.Start("dotnet", [Program("Worker")]));
        await ConnectAsync(apiPort, upstreamPort);
        setup.Direct = new Subject("direct", upstream.Id, upstreamPort, "/v1/chat/completions", null, "mock");
        setup.Yarp = new Subject("YARP", yarp.Id, yarpPort, "/v1/chat/completions", null, "mock");
        setup.ScaiGrid = new Subject("ScaiGrid", api.Id, apiPort, "/oai/v1/chat/completions", Key, "bench/mock");
        return setup;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static string Program(string name)
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd('/')))!;
        return Path.Combine(Repository.Root, $"ScaiGrid.{name}", "bin", configuration, "net10.0", $"ScaiGrid.{name}.dll");
    }

    private static async Task ConnectAsync(int apiPort, int upstreamPort)
    {
        using var handler = new SocketsHttpHandler();
        using var http = new HttpClient(handler) { BaseAddress = new Uri($"http://127.0.0.1:{apiPort}") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        var provider = await SendAsync(HttpMethod.Post, "/v1/providers", $$"""{"name":"mock","type":"custom","config":{"base_url":"http://127.0.0.1:{{upstreamPort}}/v1","api_key":"secret"} }""");
        var backend = await SendAsync(HttpMethod.Post, "/v1/backends", $$"""{"name":"mock","provider_id":"{{provider}}","model":"mock","capabilities":["chat"]}""");
        var model = await SendAsync(HttpMethod.Post, "/v1/models", """{"slug":"bench/mock","display_name":"Mock","modality":"chat","input_price_per_mtok":"1","output_price_per_mtok":"2"}""");
        await SendAsync(HttpMethod.Put, $"/v1/models/{model}/routing", $$"""{"targets":[{"backend_id":"{{backend}}","weight":1,"priority":0}] }""");

        async Task<string?> SendAsync(HttpMethod method, string path, string json)
        {
            using var request = new HttpRequestMessage(method, path) { Content = new StringContent(json, new MediaTypeHeaderValue("application/json")) };
            using var response = await http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode
                ? (string?)JsonNode.Parse(text)!["data"]?["id"]
                : throw new InvalidOperationException($"{path}: {text}");
        }
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
