using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>The AppHost on a machine that has only the SDK.</summary>
public sealed partial class AppHostTests
{
    private const string Echo = "scailabs/echo";
    private const int Servers = 5;

    /// <summary>The limit is 5 s, plus a margin for machines that run other tests at the same time.</summary>
    private static readonly TimeSpan StopBound = TimeSpan.FromSeconds(8);

    // For the second start only: the first run ends before its usage is flushed to the database.
    private static Dictionary<string, string> FlushSoon { get; } = new() { ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1" };

    [Fact]
    public async Task BannersLine_Works_AndEverythingOutlivesAStop()
    {
        using var folder = new TemporaryFolder();
        var data = folder.File("data");
        string key;
        await using (var host = await AppHostProcess.StartAsync(dataFolder: data))
        {
            key = KeyOf(host);
            var answer = JsonNode.Parse(await PasteAsync(host.CurlLine))!;
            Assert.Equal("Hello", (string?)answer["data"]!["choices"]![0]!["message"]!["content"]);
            Assert.Equal(1 + Servers, host.Processes.Count);

            var elapsed = await host.TerminateAsync();
            Assert.True(elapsed < StopBound, $"It took {elapsed}:\n{host.Output}");
            Assert.True(host.ExitCode == 0, host.Output);
            Assert.Empty(host.Processes);
        }

        await using var again = await AppHostProcess.StartAsync(FlushSoon, data);
        Assert.Equal(key, KeyOf(again));
        using var admin = new ApiDriver(again.ApiAddress, key);
        (await admin.ChatAsync(Echo)).Ok();

        // One call from before the stop and one from after it.
        Assert.Equal(2, (await admin.UsageAsync(Echo, 2)).Count);

        // The development provider's users were made by the first start, and only looked up by the second one.
        Assert.Equal(12, (await admin.GetAsync("/v1/audit-log?action=user.create&status=SUCCESS")).Ok()["items"]!.AsArray().Count);
        Assert.Empty((await admin.GetAsync("/v1/audit-log?status=FAILURE")).Ok()["items"]!.AsArray());
    }

    /// <summary>A database that was set up elsewhere knows other keys.</summary>
    [Fact]
    public async Task KeyThatTheDatabaseDoesNotKnow_IsNotShown()
    {
        using var folder = new TemporaryFolder();
        await using (var first = await AppHostProcess.StartAsync(dataFolder: folder.File("first")))
        {
            await first.TerminateAsync();
        }

        await using var host = await AppHostProcess.StartAsync(new Dictionary<string, string> { ["SCAIGRID_DATABASE_URL"] = $"sqlite:///{folder.File("first/scaigrid.db")[1..]}" });
        Assert.DoesNotContain("sgk_", host.Output, StringComparison.Ordinal);
        Assert.Contains("does not know this folder's", host.Output, StringComparison.Ordinal);
    }

    /// <summary>The stream takes ten seconds, longer than a stop without a drain timeout.</summary>
    [Fact]
    public async Task DrainTimeout_LetsAStreamFinish()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("slow", new UpstreamScript { Chunks = [.. Enumerable.Repeat("x", 10)], ChunkDelay = TimeSpan.FromSeconds(1) });
        await using var host = await AppHostProcess.StartAsync(new Dictionary<string, string> { ["SCAIGRID_DRAIN_TIMEOUT_S"] = "40" });
        using var admin = new ApiDriver(host.ApiAddress, KeyOf(host));
        var slug = await admin.ConnectAsync(upstream.BaseUrl, "slow");
        using var stream = await admin.StreamAsync(slug);
        var text = (await stream.NextAsync(TestContext.Current.CancellationToken))!.Content;

        var stopped = host.TerminateAsync();
        var rest = await stream.AllAsync();
        await stopped;

        Assert.Equal("xxxxxxxxxx", text + string.Concat(rest.Select(item => item.Content)));
        Assert.True(rest[^1].IsDone);
        Assert.DoesNotContain("is killed", host.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_ItLeavesNoProcess_AndLosesNothing()
    {
        const int Calls = 20;
        using var folder = new TemporaryFolder();
        var data = folder.File("data");
        var settings = new Dictionary<string, string> { ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey };
        await using (var host = await AppHostProcess.StartAsync(settings, data))
        {
            Assert.Equal(Secrets.AdminKey, KeyOf(host));
            using var admin = new ApiDriver(host.ApiAddress, Secrets.AdminKey);
            for (var i = 0; i < Calls; i++)
            {
                (await admin.ChatAsync(Echo)).Ok();
            }

            await AssertNothingIsLeftAsync(host, host.KillAsync());
        }

        await using var again = await AppHostProcess.StartAsync(FlushSoon, data);
        Assert.Equal(Secrets.AdminKey, KeyOf(again));
        using var later = new ApiDriver(again.ApiAddress, Secrets.AdminKey);
        (await later.ChatAsync(Echo)).Ok();
        var rows = await later.UsageAsync(Echo, Calls + 1);
        Assert.Equal(Calls + 1, rows.Count);
        Assert.Equal(Calls + 1, rows.Select(row => (string?)row["request_id"]).Distinct().Count());
    }

    /// <summary><c>dotnet run</c> is the process that closing the terminal kills.</summary>
    [Fact]
    public async Task DotnetRunKilled_ItLeavesNoProcess()
    {
        await using var host = await AppHostProcess.StartAsync(withDotnetRun: true);
        Assert.Equal(2 + Servers, host.Processes.Count);

        await AssertNothingIsLeftAsync(host, host.KillAsync());
    }

    /// <summary>
    /// Users choose the ports that clients connect to. The other ports are chosen automatically, without conflicts between two AppHosts that start at the
    /// same time.
    /// </summary>
    [Fact]
    public async Task TwoSideBySide_KeepApart_AndNeedOnlyThePortsThatPeopleCall()
    {
        var starting = Task.WhenAll(AppHostProcess.StartAsync(choosesInnerPorts: false), AppHostProcess.StartAsync(choosesInnerPorts: false));
        await using var one = (await starting)[0];
        await using var other = (await starting)[1];
        using var ones = new ApiDriver(one.ApiAddress, KeyOf(one));
        using var others = new ApiDriver(other.ApiAddress, KeyOf(other));

        (await ones.ChatAsync(Echo)).Ok();
        (await others.ChatAsync(Echo)).Ok();
        using var stranger = ones.As(KeyOf(other));
        (await stranger.ChatAsync(Echo)).Error(401, "AUTH_TOKEN_INVALID");

        // A third AppHost on a data folder in use is refused with the reason.
        var (exitCode, output) = await ServerProcess.RunAsync(
            "dotnet", [AppHostProcess.Program, "--local"], new Dictionary<string, string?> { ["SCAIGRID_DATA_DIR"] = one.DataFolder });
        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        Assert.Contains("SCAIGRID_DATA_DIR", output, StringComparison.Ordinal);
        (await ones.ChatAsync(Echo)).Ok();
    }

    /// <summary>
    /// A laptop joins networks that it cannot trust. On Linux all of 127.0.0.0/8 is on loopback; its second address stands for any other address.
    /// </summary>
    [Theory]
    [InlineData(null, "127.0.0.1", "127.0.0.2")]
    [InlineData("127.0.0.2", "127.0.0.2", "127.0.0.1")]
    public async Task Ports_AreOpenOnLoopbackOnly_UnlessAnotherAddressIsSet(string? setting, string open, string closed)
    {
        var settings = setting is null ? null : new Dictionary<string, string> { ["SCAIGRID_LISTEN_ADDRESS"] = setting };
        await using var host = await AppHostProcess.StartAsync(settings);

        Assert.Contains($"http://{open}:{host.ApiAddress.Port}/", host.CurlLine, StringComparison.Ordinal);
        int[] ports = [host.ApiAddress.Port, host.GrpcAddress.Port, host.BunkerProxyAddress.Port, host.WorkerAddress.Port];
        Assert.All(await Task.WhenAll(ports.Select(port => IsOpenAsync(open, port))), Assert.True);
        Assert.All(await Task.WhenAll(ports.Select(port => IsOpenAsync(closed, port))), Assert.False);
    }

    /// <summary>A port is claimed seconds before anything listens on it. The claim is a UDP socket on the same port.</summary>
    [Fact]
    public async Task PortThatAnotherAppHostHasClaimed_IsTaken()
    {
        var port = FreePort.Next();
        using var claim = new UdpClient(new IPEndPoint(IPAddress.Loopback, port));
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string?> { ["SCAIGRID_DATA_DIR"] = folder.File("data"), ["SCAIGRID_HTTP_PORT"] = $"{port}" };
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var (exitCode, output) = await ServerProcess.RunAsync("dotnet", [AppHostProcess.Program, "--local"], settings).WaitAsync(patience.Token);

        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        Assert.Contains($"SCAIGRID_HTTP_PORT: port {port} is in use", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WrongBootstrapKey_IsRefusedBeforeAnythingStarts()
    {
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string?> { ["SCAIGRID_DATA_DIR"] = folder.File("data"), ["SCAIGRID_BOOTSTRAP_API_KEY"] = "sgk_canary" };
        var (exitCode, output) = await ServerProcess.RunAsync("dotnet", [AppHostProcess.Program, "--local"], settings);

        Assert.True(exitCode == 78, $"{exitCode}:\n{output}");
        Assert.Contains("SCAIGRID_BOOTSTRAP_API_KEY", output, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", output, StringComparison.Ordinal);
    }

    private static async Task AssertNothingIsLeftAsync(AppHostProcess host, Task killed)
    {
        var started = Stopwatch.GetTimestamp();
        await killed;
        IReadOnlyList<int> left;
        while ((left = host.Processes).Count > 0 && Stopwatch.GetElapsedTime(started) < StopBound)
        {
            await Task.Delay(100);
        }

        Assert.True(left.Count == 0, $"{left.Count} processes are left:\n{host.Output}");
    }

    private static async Task<bool> IsOpenAsync(string address, int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Parse(address), port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static string KeyOf(AppHostProcess host) => Key().Match(host.CurlLine).Value;

    /// <summary>Runs the line in a shell. Without curl, it sends the same request, parsed from the line.</summary>
    private static async Task<string> PasteAsync(string line)
    {
        if (ServerProcess.Find("curl") is not null)
        {
            var (exitCode, output) = await ServerProcess.RunAsync("bash", ["-c", line]);
            Assert.True(exitCode == 0, $"curl ended with {exitCode}: {output}");
            return output;
        }

        var parts = CurlCommand().Match(line);
        using var client = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, parts.Groups["url"].Value)
        {
            Content = new StringContent(parts.Groups["body"].Value, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Authorization = new("Bearer", Key().Match(line).Value);
        using var answer = await client.SendAsync(request);
        return await answer.Content.ReadAsStringAsync();
    }

    [GeneratedRegex("sgk_[A-Za-z0-9_-]{32,}")]
    private static partial Regex Key();

    [GeneratedRegex("^curl -s (?<url>http://[^ ]+) .* -d '(?<body>[^']+)'$")]
    private static partial Regex CurlCommand();
}
