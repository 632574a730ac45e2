using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>A storage proxy on local disk, without a database and without Redis.</summary>
public class BunkerProxyFixture : IAsyncLifetime
{
    private const string Root = "/v1/modules/scaibunker/storage/";

    public static Dictionary<string, string> OnlyTheKey => new() { ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = Secrets.CapabilityKey };

    public ModeProcess Process { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Process = await ModeProcess.StartAsync(Mode.BunkerProxy, await SettingsAsync());
        Client = Process.CreateClient();
    }

    public virtual async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (Process is not null)
        {
            await Process.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    public static string Mint(
        string prefix, StorageMethods methods, long? maxBytes = null, TimeSpan? expiresIn = null, string signingKey = Secrets.CapabilityKey) =>
        new CapabilitySigner(new CapabilityOptions { Keys = [signingKey] }, TimeProvider.System)
            .Mint(StorageCapability.ForPrefix(prefix, methods, TimeProvider.System.GetUtcNow() + (expiresIn ?? TimeSpan.FromMinutes(10)), maxBytes));

    /// <summary>Sends a request. The default capability allows everything.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string key, HttpContent? content = null, string? capability = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(Root + key, UriKind.Relative)) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", capability ?? Mint("", (StorageMethods)31));
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                content!.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public Task<HttpResponseMessage> PutAsync(string key, Stream body, long? length = null, string? capability = null, params (string Name, string Value)[] headers)
    {
        var content = new StreamContent(body, 128 * 1024);
        content.Headers.ContentLength = length;
        return SendAsync(HttpMethod.Put, key, content, capability, headers);
    }

    /// <summary>The status code and the error code.</summary>
    public static async Task<(int Status, string? Code)> ErrorOfAsync(HttpResponseMessage response) =>
        ((int)response.StatusCode, (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))?["error"]?["code"]);

    protected virtual Task<Dictionary<string, string>> SettingsAsync() => Task.FromResult(OnlyTheKey);
}

/// <summary>The same with an S3 server as storage.</summary>
public class S3BunkerProxyFixture : BunkerProxyFixture
{
    private S3Server? _server;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected override async Task<Dictionary<string, string>> SettingsAsync()
    {
        _server = await S3Server.StartAsync();
        return new Dictionary<string, string>(_server.Settings.Concat(OnlyTheKey));
    }
}
