using System.Net;
using System.Net.Sockets;
using System.Text;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Tests.Core.Storage;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>Clients of the storage proxy that begin an upload and stop sending, with S3 as storage.</summary>
[Trait("needs", "services")]
public sealed class BunkerProxyStallTests(BunkerProxyStallTests.Fixture proxy) : IClassFixture<BunkerProxyStallTests.Fixture>
{
    private const int Buffers = 2;

    [Fact]
    public async Task StalledUploads_DoNotKeepOthersOut_AndAreAnswered()
    {
        var stalled = new List<Socket>();
        for (var i = 0; i < Buffers; i++)
        {
            stalled.Add(await BeginAsync($"stalled/{i}", sent: 100_000));
        }

        // Uploads without a single byte hold no buffer at all.
        for (var i = 0; i < Buffers; i++)
        {
            stalled.Add(await BeginAsync($"empty/{i}", sent: 0));
        }

        // The proxy asks the store for the objects first, and then has the buffers.
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        using var put = await proxy.PutAsync("prompt", new PatternStream(6 << 20));
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        var answers = new List<string>();
        foreach (var caller in stalled)
        {
            answers.Add((await AnswerAsync(caller)).Split(' ')[1]);
            caller.Dispose();
        }

        // One or two gave way; the others end when their senders have been silent for too long.
        Assert.InRange(answers.Count(answer => answer == "503"), 1, Buffers);
        Assert.All(answers.Where(answer => answer != "503"), answer => Assert.Equal("408", answer));
    }

    private async Task<Socket> BeginAsync(string key, int sent)
    {
        var address = proxy.Client.BaseAddress!;
        var caller = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await caller.ConnectAsync(address.Host, address.Port);
        await caller.SendAsync(Encoding.ASCII.GetBytes(
            $"PUT /v1/modules/scaibunker/storage/{key} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {BunkerProxyFixture.Mint("", StorageMethods.Put)}\r\nContent-Length: 200000\r\n\r\n"));
        await caller.SendAsync(new byte[sent]);
        return caller;
    }

    private static async Task<string> AnswerAsync(Socket caller)
    {
        var answer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return Encoding.ASCII.GetString(answer, 0, await caller.ReceiveAsync(answer, patience.Token));
    }

    public sealed class Fixture : S3BunkerProxyFixture
    {
        protected override async Task<Dictionary<string, string>> SettingsAsync() => new(await base.SettingsAsync())
        {
            ["SCAIGRID_S3_UPLOAD_BUFFERS"] = $"{Buffers}",
            ["SCAIGRID_S3_TIMEOUT_S"] = "6",
        };
    }
}
