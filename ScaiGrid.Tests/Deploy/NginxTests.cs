using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Tests.Core.Storage;
using ScaiGrid.Tests.Hosts;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Deploy;

/// <summary>Requests through deploy/nginx.conf.</summary>
[Trait("needs", "services")]
public sealed class NginxTests(NginxFixture proxy) : IClassFixture<NginxFixture>
{
    private const string Echo = "scailabs/echo";
    private const string Native = "/v1/inference/chat";
    private const string OpenAi = "/oai/v1/chat/completions";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private NginxServer Nginx => proxy.Nginx;

    [Fact]
    public async Task Configuration_PassesItsCheck()
    {
        var (exitCode, output) = await Nginx.CheckAsync();

        Assert.True(exitCode == 0, output);
        Assert.DoesNotContain("[warn]", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task Completion_ComesThroughTls(string path)
    {
        var answer = await proxy.Admin.ChatAsync(Echo, "through nginx", path);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Contains("through nginx", answer.Text, StringComparison.Ordinal);
        Assert.StartsWith("req_", answer.Headers["X-Request-Id"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task Chunks_ArriveAsTheUpstreamSendsThem(string path)
    {
        var slug = await proxy.ConnectAsync(Paced);
        using var stream = await proxy.Admin.StreamAsync(slug, path: path);
        var chunks = (await stream.AllAsync()).Where(item => item.Content.Length > 0).ToList();

        Assert.Equal(Paced.Chunks, chunks.Select(chunk => chunk.Content));
        AssertPaced([.. chunks.Select(chunk => chunk.At)]);
    }

    [Fact]
    public async Task Silence_IsWaitedFor()
    {
        var (atFirst, later) = (await proxy.SilentAtFirst, await proxy.SilentLater);

        Assert.Equal("Hello world", string.Concat(atFirst.Select(item => item.Content)));
        Assert.Equal("late", string.Concat(later.Select(item => item.Content)));
        Assert.All([atFirst, later], events => Assert.True(events[^1].IsDone));
    }

    [Fact]
    public async Task Grpc_ComesThroughTlsAndHttp2()
    {
        using var handler = Nginx.Handler();
        using var channel = GrpcChannel.ForAddress(Nginx.Address, new GrpcChannelOptions { HttpHandler = handler });
        var client = new InferenceService.InferenceServiceClient(channel);

        var whole = await client.ChatAsync(Request(Echo), Key);
        Assert.Equal("hi", whole.Choices[0].Message.Content);

        using var call = client.StreamChat(Request(await proxy.ConnectAsync(Paced)), Key);
        var chunks = new List<(string Text, long At)>();
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
        {
            chunks.Add((string.Concat(chunk.Choices.Select(choice => choice.Content)), Stopwatch.GetTimestamp()));
        }

        chunks.RemoveAll(chunk => chunk.Text.Length == 0);
        Assert.Equal(Paced.Chunks, chunks.Select(chunk => chunk.Text));
        AssertPaced([.. chunks.Select(chunk => chunk.At)]);

        var failure = await Assert.ThrowsAsync<RpcException>(() => client.ChatAsync(Request(Echo)).ResponseAsync);
        Assert.Equal((StatusCode.Unauthenticated, "AUTH_TOKEN_MISSING"), (failure.StatusCode, failure.Trailers.GetValue("scaigrid-error-code")));
    }

    /// <summary>
    /// Bodies slightly and far over the limit always get 413 in the error format of the surface. If the API closed the connection while the body is still
    /// being sent, nginx would answer 502 in some of the cases; hence the repetitions.
    /// </summary>
    [Theory]
    [InlineData((32 << 20) + 1)]
    [InlineData(40 << 20)]
    public async Task BodyTooLarge_Is413(int size)
    {
        var text = new string('x', size);
        for (var i = 0; i < 3; i++)
        {
            (await proxy.Admin.ChatAsync(Echo, text)).Error(413, "PAYLOAD_TOO_LARGE");
            (await proxy.Admin.ChatAsync(Echo, text, OpenAi)).OpenAiError(413, "payload_too_large");
        }
    }

    /// <summary>Errors of nginx itself; those of the API come through as they are.</summary>
    [Theory]
    [InlineData("/v1/models")]
    [InlineData("/oai/v1/models")]
    public async Task WhatNginxRefuses_IsSaidInTheSurfacesOwnWords(string path)
    {
        // A header that is too large, one that is missing, a method and a transfer coding that nginx does not pass on, and HTTP on the port of HTTPS.
        await RefusedAsync(400, "BAD_REQUEST", $"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: {new string('x', 10_000)}\r\n\r\n");
        await RefusedAsync(400, "BAD_REQUEST", $"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n");
        await RefusedAsync(405, "METHOD_NOT_ALLOWED", $"TRACE {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        await RefusedAsync(501, "BAD_REQUEST", $"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip\r\n\r\n");
        await RefusedAsync(400, "BAD_REQUEST", $"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", secure: false);
        await RefusedAsync(414, "BAD_REQUEST", $"GET {path}?{new string('x', 10_000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

        // Without an address, there is no surface.
        (await Nginx.SendRawAsync("not HTTP\r\n\r\n")).Error(400, "BAD_REQUEST");

        async Task RefusedAsync(int status, string code, string request, bool secure = true)
        {
            var answer = await Nginx.SendRawAsync(request, secure);
            Assert.StartsWith("req_", answer.Headers["X-Request-Id"], StringComparison.Ordinal);
            Assert.StartsWith("application/json", answer.Headers["Content-Type"], StringComparison.Ordinal);
            _ = path.StartsWith("/oai/", StringComparison.Ordinal) ? answer.OpenAiError(status, code.ToLowerInvariant()) : answer.Error(status, code);
        }
    }

    [Fact]
    public async Task Storage_TakesABodyOfAnySize()
    {
        const int Size = 40 << 20;
        using var client = new HttpClient(Nginx.Handler());
        client.DefaultRequestHeaders.Authorization = new("Bearer", BunkerProxyFixture.Mint("", (StorageMethods)31));
        using var content = new StreamContent(new PatternStream(Size), 128 * 1024);
        using var put = await client.PutAsync(new Uri(Nginx.Address, $"/v1/modules/scaibunker/storage/nginx/{Guid.CreateVersion7()}"), content, TestContext.Current.CancellationToken);

        Assert.True(put.StatusCode == HttpStatusCode.Created, $"{put.StatusCode}: {await put.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)}");
    }

    [Fact]
    public async Task PlainHttp_IsSentToHttps()
    {
        using var client = new HttpClient(Nginx.Handler());
        using var answer = await client.GetAsync(new Uri(Nginx.PlainAddress, "/v1/models?limit=1"), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.PermanentRedirect, answer.StatusCode);
        Assert.Equal("https://127.0.0.1/v1/models?limit=1", answer.Headers.Location!.OriginalString);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/metrics/")]
    [InlineData("/METRICS")]
    [InlineData("/Metrics/?format=text")]
    public async Task Metrics_AreNotForTheOutside(string spelling) => (await proxy.Admin.GetAsync(spelling)).Error(404, "NOT_FOUND");

    [Fact]
    public async Task NoReplica_IsSaidInTheSurfacesOwnWords()
    {
        var nowhere = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        await using var nginx = await NginxServer.StartAsync([nowhere], nowhere, nowhere);
        using var admin = nginx.Driver();
        (await admin.ChatAsync(Echo)).Error(503, "SERVICE_UNAVAILABLE");
        (await admin.ChatAsync(Echo, "hi", OpenAi)).OpenAiError(503, "service_unavailable");
        (await admin.GetAsync("/v1/modules/scaibunker/storage/a")).Error(503, "SERVICE_UNAVAILABLE");

        using var handler = nginx.Handler();
        using var channel = GrpcChannel.ForAddress(nginx.Address, new GrpcChannelOptions { HttpHandler = handler });
        var failure = await Assert.ThrowsAsync<RpcException>(() => new InferenceService.InferenceServiceClient(channel).ChatAsync(Request(Echo), Key).ResponseAsync);
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);
    }

    /// <summary>The only replica asks for the request to go to another one, and then ends.</summary>
    [Fact]
    public async Task ReplicaThatEndsWhileItSendsARequestBack_IsNoReplica()
    {
        using var listener = new TcpListener(IPAddress.Loopback, FreePort.Next());
        listener.Start();
        var replica = new Uri($"http://{listener.LocalEndpoint}");
        await using var nginx = await NginxServer.StartAsync([replica], replica, replica);
        using var admin = nginx.Driver();
        var answer = admin.ChatAsync(Echo);
        using (var connection = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
        {
            listener.Stop();
            Assert.NotEqual(0, await connection.GetStream().ReadAsync(new byte[64 * 1024], TestContext.Current.CancellationToken));
            await connection.GetStream().WriteAsync(
                "HTTP/1.1 503 Service Unavailable\r\nX-Accel-Redirect: @draining\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(),
                TestContext.Current.CancellationToken);
        }

        var error = await answer;
        Assert.Equal(((int)error.Error(503, "SERVICE_UNAVAILABLE")["retry_after"]!, "1"), (1, error.Headers["Retry-After"]));
        Assert.StartsWith("req_", error.Headers["X-Request-Id"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AccessLog_IsJsonWithoutQueries()
    {
        var unique = $"{Guid.CreateVersion7():N}";
        await proxy.Admin.GetAsync($"/health/{unique}?capability=canary");
        string? line = null;
        await Poll.UntilAsync(
            () => Task.FromResult((line = Nginx.AccessLog.FirstOrDefault(entry => entry.Contains(unique, StringComparison.Ordinal))) is not null), "the call's line in the access log");

        var entry = JsonNode.Parse(line!)!;
        Assert.Equal(("request_proxied", $"/health/{unique}", "404"), ((string?)entry["event"], (string?)entry["path"], (string?)entry["status"]));
        Assert.DoesNotContain("canary", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReplicaKilled_CallsGoOn()
    {
        await using var doomed = await proxy.StartApiAsync();
        await using var nginx = await StartBeforeAsync(doomed);
        using var admin = nginx.Driver();
        for (var i = 0; i < 10; i++)
        {
            (await admin.ChatAsync(Echo)).Ok();
        }

        // Until now both replicas have received calls.
        Assert.Contains(nginx.AccessLog, line => line.Contains(doomed.BaseAddress.Authority, StringComparison.Ordinal));
        await doomed.KillAsync();
        for (var i = 0; i < 20; i++)
        {
            (await admin.ChatAsync(Echo)).Ok();
        }
    }

    /// <summary>What is streamed through may be refused before its end, and nginx would discard the connection's next request with the rest of the body.</summary>
    [Theory]
    [InlineData("POST", "/v1/files")]
    [InlineData("POST", "/oai/v1/files")]
    [InlineData("PUT", "/v1/modules/scaibunker/storage/x")]
    public async Task RefusedUpload_EndsTheConnection(string method, string path)
    {
        using var stranger = new ApiDriver(Nginx.Address, "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv", Nginx.Certificate);
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path) { Content = new ByteArrayContent(new byte[1_000_000]) };
        using var response = await stranger.Http.SendAsync(request);
        Assert.InRange((int)response.StatusCode, 401, 403);
        Assert.True(response.Headers.ConnectionClose);
    }

    /// <summary>One step of a rolling upgrade: while one replica drains and ends, no call fails, and the replica's streams finish.</summary>
    [Fact]
    public async Task ReplicaDrains_NoCallFails_AndItsStreamsFinish()
    {
        const int Callers = 3;
        var slug = await proxy.ConnectAsync(new UpstreamScript { Chunks = ["a", "b", "c", "d", "e", "f"], ChunkDelay = TimeSpan.FromSeconds(1) });
        await using var leaving = await proxy.StartApiAsync();
        await using var nginx = await StartBeforeAsync(leaving);
        using var admin = nginx.Driver();
        using var one = await admin.StreamAsync(slug);
        using var other = await admin.StreamAsync(slug);
        var streams = Task.WhenAll(one.AllAsync(), other.AllAsync());

        leaving.BeginTerminate();
        var callers = Enumerable.Range(0, Callers).Select(async _ =>
        {
            var calls = 0;
            for (; !leaving.HasExited; calls++)
            {
                (await admin.ChatAsync(Echo)).Ok();
            }

            for (var i = 0; i < 5; i++)
            {
                (await admin.ChatAsync(Echo)).Ok();
            }

            return calls;
        });

        // A file's bytes are streamed through and cannot be sent twice: the caller is told at once, and repeats it.
        async Task<List<string?>> UploadAsync()
        {
            var codes = new List<string?>();
            while (!leaving.HasExited)
            {
                var answer = await admin.UploadAsync(new byte[100_000]);
                codes.Add((string?)JsonNode.Parse(answer.Text)!["error"]?["code"]);
            }

            return codes;
        }

        var uploads = UploadAsync();
        Assert.All(await Task.WhenAll(callers), calls => Assert.True(calls > 0, "No call was made while the replica drained."));
        Assert.Equal([null, "SERVICE_DRAINING"], (await uploads).Except(["SERVICE_UNAVAILABLE"]).Order());
        foreach (var events in await streams)
        {
            Assert.Equal("abcdef", string.Concat(events.Select(item => item.Content)));
            Assert.True(events[^1].IsDone);
        }

        Assert.Equal(0, await leaving.WaitForExitAsync(TestContext.Current.CancellationToken));

        // At least one stream must have run on the leaving replica; otherwise the test would prove nothing.
        Assert.Contains(nginx.AccessLog, line => line.Contains($"\"upstream\":\"{leaving.BaseAddress.Authority}\",\"upstream_status\":\"200\"", StringComparison.Ordinal));
    }

    private static UpstreamScript Paced { get; } = new() { Chunks = ["a", "b", "c", "d"], ChunkDelay = Pause };

    private static Metadata Key => new() { { "authorization", $"Bearer {Secrets.AdminKey}" } };

    private static ChatRequest Request(string model) => new() { Model = model, Messages = { new ChatMessage { Role = "user", Content = "hi" } } };

    // Chunks arrive at the pace of the upstream and are not held back. One of the three pauses is enough, because a busy machine may delay the chunks.
    private static void AssertPaced(IReadOnlyList<long> times) => Assert.True(Stopwatch.GetElapsedTime(times[0], times[^1]) >= Pause);

    private Task<NginxServer> StartBeforeAsync(ModeProcess second) =>
        NginxServer.StartAsync([proxy.Grid.Admin.BaseAddress, second.BaseAddress], proxy.Grid.GrpcAddress, proxy.Grid.BunkerProxyAddress);
}
