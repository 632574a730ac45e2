using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using ScaiGrid.Core.Http;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Tests.Core.Storage;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>The process of the storage proxy: its settings, the libraries it loads, and how it ends.</summary>
public sealed class BunkerProxyProcessTests(BunkerProxyFixture proxy) : IClassFixture<BunkerProxyFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AtWork_ItHasLoadedNoDatabaseRedisSchedulerOrWatcher()
    {
        using var put = await proxy.PutAsync("loaded", new PatternStream(1), 1);
        using var ready = await proxy.Client.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancellation);
        var loaded = proxy.Process.LoadedFiles;

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (put.StatusCode, ready.StatusCode));
        Assert.Contains("ScaiGrid.Core.dll", loaded);

        // It does not watch its folder for changed settings.
        Assert.DoesNotContain("System.IO.FileSystem.Watcher.dll", loaded);
        Assert.DoesNotContain(loaded, name => new[] { "EntityFramework", "MySql", "Sqlite", "FluentMigrator", "Redis", "Quartz", "ScaiGrid.Platform", "ScaiGrid.Inference" }
            .Any(unwanted => name.Contains(unwanted, StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public async Task WithoutKey_ItNamesTheVariable()
    {
        var (exitCode, output) = await ModeProcess.RunToEndAsync(Mode.BunkerProxy, cancellationToken: Cancellation);

        Assert.Equal(78, exitCode);
        Assert.Contains("SCAIGRID_STORAGE_CAPABILITY_KEY", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MintedOnTheCommandLine_ACapabilityWorks()
    {
        var capability = await ModeProcess.RunAsync(
            Mode.BunkerProxy, BunkerProxyFixture.OnlyTheKey, Cancellation, "mint", "--prefix", "minted", "--methods", "PUT,GET", "--max-bytes", "10", "--expires-in", "60");
        using var put = await proxy.PutAsync("minted/x", new PatternStream(10), 10, capability.Trim());
        using var tooLarge = await proxy.PutAsync("minted/y", new PatternStream(11), 11, capability.Trim());

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.RequestEntityTooLarge), (put.StatusCode, tooLarge.StatusCode));
    }

    [Theory]
    [InlineData("Give either --key or --prefix.", "--methods", "GET")]
    [InlineData("--methods is required.", "--key", "x")]
    [InlineData("--methods: there is no method 'POST'.", "--key", "x", "--methods", "GET,POST")]
    [InlineData("There is no option '--max-byte'.", "--key", "x", "--methods", "GET", "--max-byte", "1")]
    [InlineData("--expires-in must be a whole number from 1 to 31622400.", "--key", "x", "--methods", "GET", "--expires-in", "0")]
    [InlineData("--key must be given once, with a value.", "--methods", "GET", "--key")]
    public async Task MintWithAMistake_NamesIt_AndShowsItsUsage(string mistake, params string[] options)
    {
        var (exitCode, output) = await ModeProcess.RunToEndAsync(Mode.BunkerProxy, BunkerProxyFixture.OnlyTheKey, Cancellation, ["mint", .. options]);

        Assert.Equal(64, exitCode);
        Assert.StartsWith($"{mistake}\nusage: mint", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NewKeyInFront_OldCapabilitiesStayGood()
    {
        await using var rotated = await ModeProcess.StartAsync(
            Mode.BunkerProxy,
            new Dictionary<string, string> { ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = $"{Secrets.SecretKey},{Secrets.CapabilityKey}" },
            Cancellation);
        using var client = rotated.CreateClient();
        foreach (var key in new[] { Secrets.SecretKey, Secrets.CapabilityKey })
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", BunkerProxyFixture.Mint("", StorageMethods.Get, signingKey: key));
            using var get = await client.GetAsync(new Uri("/v1/modules/scaibunker/storage/x", UriKind.Relative), Cancellation);
            Assert.Equal(HttpStatusCode.NotFound, get.StatusCode);
        }
    }

    [Fact]
    public async Task StoreAway_Is503_AndNotReady()
    {
        var settings = new Dictionary<string, string>(BunkerProxyFixture.OnlyTheKey)
        {
            ["SCAIGRID_S3_ENDPOINT"] = $"http://127.0.0.1:{FreePort.Next()}",
            ["SCAIGRID_S3_BUCKET"] = "grid",
            ["SCAIGRID_S3_ACCESS_KEY_ID"] = "id",
            ["SCAIGRID_S3_SECRET_ACCESS_KEY"] = "canary-secret",
            ["SCAIGRID_S3_TIMEOUT_S"] = "3",
        };
        await using var process = await ModeProcess.StartAsync(Mode.BunkerProxy, settings, Cancellation);
        using var client = process.CreateClient();
        client.DefaultRequestHeaders.Authorization = new("Bearer", BunkerProxyFixture.Mint("", (StorageMethods)31));
        using var content = new StreamContent(new PatternStream(8 << 20));
        using var put = await client.PutAsync(new Uri("/v1/modules/scaibunker/storage/x", UriKind.Relative), content, Cancellation);
        using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative), Cancellation);

        Assert.Equal((503, "SERVICE_UNAVAILABLE"), await BunkerProxyFixture.ErrorOfAsync(put));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.DoesNotContain("canary-secret", process.Output, StringComparison.Ordinal);
    }

    /// <summary>The routes are also part of mode http, which does not require the key.</summary>
    [Fact]
    public async Task InAHostWithoutKey_TheRoutesSaySo()
    {
        using var folder = new TemporaryFolder();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration["SCAIGRID_STORAGE_PATH"] = folder.Path;
        builder.AddStorageProxy();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.UseMiddleware<ErrorHandling>();
        app.MapGroup("/storage").MapStorage();
        await app.StartAsync(Cancellation);

        using var client = new HttpClient(new SocketsHttpHandler());
        using var get = await client.GetAsync(new Uri(app.Urls.First() + "/storage/x"), Cancellation);
        Assert.Equal((503, "STORAGE_PROXY_NOT_CONFIGURED"), await BunkerProxyFixture.ErrorOfAsync(get));
    }

    [Fact]
    public async Task Sigterm_EndsWith0()
    {
        await using var process = await ModeProcess.StartAsync(Mode.BunkerProxy, BunkerProxyFixture.OnlyTheKey, Cancellation);

        Assert.Equal(0, await process.TerminateAsync());
    }
}
