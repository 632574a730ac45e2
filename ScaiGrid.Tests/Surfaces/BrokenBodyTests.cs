using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Callers whose connection breaks while they send, or who send less than they announced.</summary>
public sealed partial class BrokenBodyTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task ResetInTheMiddleOfABody_IsNoErrorOfOurs()
    {
        using var data = new TemporaryFolder();
        await using var replica = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path });
        foreach (var path in (string[])["/v1/inference/chat", "/oai/v1/chat/completions", "/v1/inference/embed"])
        {
            for (var i = 0; i < 10; i++)
            {
                await SendPartAsync(replica.BaseAddress, path);
            }
        }

        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        (await api.ChatAsync("scailabs/echo")).Ok();
        await replica.TerminateAsync();
        Assert.DoesNotContain("\"level\":\"error\"", replica.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FullTemporaryFolder_IsNoMistakeOfWhoSendsARecording()
    {
        await using var disk = await SmallDisk.MountAsync();
        using var data = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path, ["TMPDIR"] = disk.Path };
        await using var replica = await Replica.StartAsync(Mode.Http, settings, disk);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        (await api.TranscribeAsync("/v1/inference/audio/transcribe", new byte[4 * 1024 * 1024], ("model", "m"))).Error(503, "SERVICE_UNAVAILABLE");
        (await api.TranscribeAsync("/v1/inference/audio/transcribe", new byte[64 * 1024], ("model", "m"))).Error(404, "MODEL_NOT_FOUND");
        await Poll.UntilAsync(() => Task.FromResult(replica.Output.Contains("A recording could not be stored", StringComparison.Ordinal)), "the failure in the log");
    }

    [Fact]
    public async Task BodiesThatAreOnlyAnnounced_HoldNoRoom()
    {
        const int Callers = 20;
        const int Announced = 32 * 1024 * 1024;
        using var data = new TemporaryFolder();
        await using var replica = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path });
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        (await api.ChatAsync("scailabs/echo")).Ok();
        var before = await MetricAsync(api, Allocated());
        Assert.NotEqual(0, before);
        var callers = new List<Socket>();
        for (var i = 0; i < Callers; i++)
        {
            callers.Add(await BeginAsync(replica.BaseAddress, "/v1/inference/chat", Announced));
        }

        await Poll.UntilAsync(async () => await MetricAsync(api, Active()) > Callers, "the calls to be read");
        await Task.Delay(500);
        Assert.InRange(await MetricAsync(api, Allocated()) - before, 0, Callers * Announced / 4);
        callers.ForEach(caller => caller.Dispose());

        // A large body that is actually sent is served.
        (await api.ChatAsync("scailabs/echo", new string('x', 3 * 1024 * 1024))).Ok();
    }

    [Fact]
    public async Task BodyThatStopsInTheMiddle_IsAnswered_AfterTheTimeWithoutAByte()
    {
        using var data = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path, ["SCAIGRID_REQUEST_IDLE_TIMEOUT_S"] = "0.5" };
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        foreach (var path in (string[])["/v1/inference/chat", "/oai/v1/chat/completions", "/oai/v1/responses", "/v1/inference/embed", "/oai/v1/audio/speech"])
        {
            // Enough bytes at once to satisfy the server's minimum rate, which is an average, for minutes: only the idle timeout ends the request.
            using var caller = await BeginAsync(replica.BaseAddress, path, length: 200_000);
            await caller.SendAsync(new byte[100_000]);
            Assert.StartsWith("HTTP/1.1 408 ", await AnswerAsync(caller), StringComparison.Ordinal);
        }

        foreach (var path in (string[])["/v1/inference/audio/transcribe", "/oai/v1/audio/transcriptions", "/v1/files", "/oai/v1/files"])
        {
            const string Part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
            using var caller = await BeginAsync(replica.BaseAddress, path, length: 200_000, "multipart/form-data; boundary=b", Part);
            await caller.SendAsync(new byte[100_000]);
            Assert.StartsWith("HTTP/1.1 408 ", await AnswerAsync(caller), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LargeBodies_TakeNoMoreMemoryTogetherThanTheyMay()
    {
        const int Large = 31 * 1024 * 1024;
        using var data = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path, ["SCAIGRID_REQUEST_BODIES_MB"] = "64" };
        await using var replica = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        var question = new string('x', 2 * 1024 * 1024);
        (await api.ChatAsync("scailabs/echo", question)).Ok();
        using (var one = await BeginAsync(replica.BaseAddress, "/v1/inference/chat", Large))
        using (var two = await BeginAsync(replica.BaseAddress, "/oai/v1/responses", Large))
        {
            // All but the last bytes. The buffers grow to 32 MiB, through buffers of 8 and 16 MiB.
            var before = await MetricAsync(api, Allocated());
            var most = new byte[Large - 1000];
            await one.SendAsync(most);
            await two.SendAsync(most);
            await Poll.UntilAsync(async () => await MetricAsync(api, Allocated()) - before > 2 * (8 + 16 + 32) * 1024 * 1024, "both bodies to be in memory");
            (await api.ChatAsync("scailabs/echo", question)).Error(503, "SERVICE_UNAVAILABLE");
            (await api.ChatAsync("scailabs/echo")).Ok();
        }

        await Poll.UntilAsync(async () => (await api.ChatAsync("scailabs/echo", question)).Status == HttpStatusCode.OK, "memory to be available again");

        // Calls of sessions have no connection whose end could return their memory. This letter has two bytes in the message, and six in the call.
        var message = $$"""{"content":"{{new string('\u0436', 200_000)}}"}""";
        for (var turn = 0; turn < 40; turn++)
        {
            var session = (await api.PostAsync("/v1/sessions", new { model = "scailabs/echo", title = "large" })).Created();
            (await api.PostAsync($"/v1/sessions/{session["id"]}/messages", message)).Ok();
        }
    }

    [Theory]
    [InlineData("Chat")]
    [InlineData("StreamChat")]
    public async Task MessageThatStopsInTheMiddle_IsAnswered_AfterTheTimeWithoutAByte(string method)
    {
        using var data = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path, ["SCAIGRID_REQUEST_IDLE_TIMEOUT_S"] = "0.5" };
        await using var replica = await Replica.StartAsync(Mode.Grpc, settings);
        using var message = new StalledMessage(announced: 200_000, sent: 100_000);
        using var response = await RawGrpc.SendAsync(replica.BaseAddress, $"scaigrid.v1.InferenceService/{method}", message, Secrets.AdminKey);
        Assert.Equal(("4", "REQUEST_TIMEOUT"), response.Outcome());
    }

    /// <summary>Otherwise any caller could fill the log with stack traces.</summary>
    [Fact]
    public async Task MalformedMessage_LeavesNoErrorInTheLog()
    {
        using var data = new TemporaryFolder();
        await using var replica = await Replica.StartAsync(Mode.Grpc, new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path });
        foreach (var method in (string[])["Chat", "StreamChat"])
        {
            using var content = new ByteArrayContent([0, 0, 0, 0, 2, 0xFF, 0xFF]);
            using var response = await RawGrpc.SendAsync(replica.BaseAddress, $"scaigrid.v1.InferenceService/{method}", content, Secrets.AdminKey);
            Assert.Equal(("3", "BAD_REQUEST"), response.Outcome());
        }

        Assert.DoesNotContain("ServerCallHandler", replica.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\"error\"", replica.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LargeMessages_TakeNoMoreMemoryTogetherThanTheyMay()
    {
        const int Large = 31 * 1024 * 1024;
        using var data = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Services.Settings) { ["SCAIGRID_DATA_DIR"] = data.Path, ["SCAIGRID_REQUEST_BODIES_MB"] = "64" };
        await using var replica = await Replica.StartAsync(Mode.Grpc, settings);
        using var channel = GrpcChannel.ForAddress(replica.BaseAddress);
        var client = new InferenceService.InferenceServiceClient(channel);
        Assert.Equal((StatusCode.OK, null), await AskAsync(2 * 1024 * 1024));
        using (var message = new StalledMessage(Large, Large - 1000))
        using (var other = new StalledMessage(Large, Large - 1000))
        {
            var held = new[] { SendAsync(message), SendAsync(other) };

            // Nothing else is asked before: it would take the room of one of them.
            await Task.WhenAll(message.Sent, other.Sent).WaitAsync(TimeSpan.FromSeconds(60));
            Assert.Equal((StatusCode.Unavailable, "SERVICE_UNAVAILABLE"), await AskAsync(2 * 1024 * 1024));
            Assert.Equal((StatusCode.OK, null), await AskAsync(1000));

            // The default time without a byte.
            Assert.Equal(["4", "4"], await Task.WhenAll(held));
        }

        Assert.Equal((StatusCode.OK, null), await AskAsync(2 * 1024 * 1024));

        async Task<string?> SendAsync(StalledMessage message)
        {
            using var response = await RawGrpc.SendAsync(replica.BaseAddress, "scaigrid.v1.InferenceService/Chat", message, Secrets.AdminKey);
            return response.Outcome().Status;
        }

        async Task<(StatusCode Status, string? Code)> AskAsync(int length)
        {
            var request = new ChatRequest { Model = "scailabs/echo", MaxTokens = 1, Messages = { new ChatMessage { Role = "user", Content = new string('x', length) } } };
            try
            {
                await client.ChatAsync(request, new Metadata { { "authorization", $"Bearer {Secrets.AdminKey}" } });
                return (StatusCode.OK, null);
            }
            catch (RpcException exception)
            {
                return (exception.StatusCode, exception.Trailers.GetValue("scaigrid-error-code"));
            }
        }
    }

    [GeneratedRegex(@"^dotnet_gc_heap_total_allocated_bytes_total(?:\{[^}]*\})? ([0-9.E+]+)", RegexOptions.Multiline)]
    private static partial Regex Allocated();

    [GeneratedRegex(@"^http_server_active_requests(?:\{[^}]*\})? ([0-9.E+]+)", RegexOptions.Multiline)]
    private static partial Regex Active();

    private static async Task SendPartAsync(Uri address, string path)
    {
        using var caller = await BeginAsync(address, path, length: 1000);

        // By then the body is being read. With linger 0 the connection is reset instead of closed.
        await Task.Delay(20);
        caller.LingerState = new LingerOption(enable: true, seconds: 0);
    }

    private static async Task<double> MetricAsync(ApiDriver api, Regex name) =>
        name.Matches((await api.GetAsync("/metrics")).Text).Sum(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));

    private static async Task<string> AnswerAsync(Socket caller)
    {
        var answer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return Encoding.ASCII.GetString(answer, 0, await caller.ReceiveAsync(answer, patience.Token));
    }

    private static async Task<Socket> BeginAsync(Uri address, string path, int length, string type = "application/json", string begin = "{\"model\":")
    {
        var caller = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await caller.ConnectAsync(address.Host, address.Port);
        await caller.SendAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Secrets.AdminKey}\r\nContent-Type: {type}\r\nContent-Length: {length}\r\n\r\n{begin}"));
        return caller;
    }
}
