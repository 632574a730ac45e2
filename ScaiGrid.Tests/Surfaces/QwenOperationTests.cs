using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Model Studio's operations: images and speech through its own API, the others through its compatible mode.</summary>
public sealed class QwenOperationTests(Grid grid) : GridTest(grid)
{
    private const string Compatible = "/compatible-mode/v1";
    private const string Generation = "/api/v1/services/aigc/multimodal-generation/generation";
    private const string Transcribe = "/v1/inference/audio/transcribe";

    [Fact]
    public async Task Embeddings_ComeAsNumbers_WhateverTheCallerWants()
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At($"{Compatible}/embeddings", """{"data":[{"index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":4,"total_tokens":4}}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding", Compatible);
        var answer = (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input = "x", dimensions = 2, encoding_format = "base64" })).Body();
        Assert.Equal("AACAPwAAAEA=", (string?)answer["data"]![0]!["embedding"]);
        Assert.Equal("""{"model":"their-model","input":"x","dimensions":2}""", qwen.Calls.Last().Json);
    }

    /// <summary>Qwen accepts 10 texts per request. Callers may send 2048 and get one response.</summary>
    [Fact]
    public async Task ManyEmbeddings_AreAskedForInSlices_AndTheFirstThatFailsIsTheFailure()
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At($"{Compatible}/embeddings", call =>
        {
            var texts = JsonNode.Parse(call.Body)!["input"]!.AsArray();
            var vectors = texts.Select((text, index) => $$"""{"index":{{index}},"embedding":[{{text}}]}""").Reverse();
            return $$$"""{"data":[{{{string.Join(',', vectors)}}}],"usage":{"prompt_tokens":{{{texts.Count}}},"total_tokens":{{{texts.Count}}}}}""";
        });
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding", Compatible, modelFields: new { default_params = new { dimensions = 1 } });
        var input = Enumerable.Range(0, 25).Select(number => $"{number}").ToList();
        var answer = (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input })).Body();
        var vectors = answer["data"]!.AsArray();
        Assert.Equal(input, vectors.OrderBy(item => (int)item!["index"]!).Select(item => $"{item!["embedding"]![0]}"));
        Assert.Equal(25, (int)answer["usage"]!["prompt_tokens"]!);
        Assert.Equal([10, 10, 5], qwen.Calls.Select(call => JsonNode.Parse(call.Body)!["input"]!.AsArray().Count));
        Assert.Equal("""{"model":"their-model","input":["20","21","22","23","24"],"dimensions":1}""", qwen.Calls.Last().Json);

        qwen.At($"{Compatible}/embeddings", call => call.Body.Contains("\"10\"", StringComparison.Ordinal)
            ? """{"error":{"message":"slower","code":"limit_requests"}}"""
            : """{"data":[{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}]}""");
        (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input })).OpenAiError(429, "backend_rate_limited");
        Assert.Equal(5, qwen.Calls.Count);

        // Missing vectors of one part are not replaced by surplus vectors of another.
        qwen.At($"{Compatible}/embeddings", call => call.Body.Contains("\"20\"", StringComparison.Ordinal)
            ? """{"data":[{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}]}"""
            : """{"data":[{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]},{"embedding":[1]}]}""");
        (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input })).OpenAiError(502, "upstream_shape_mismatch");
    }

    /// <summary>The upstream charges for them.</summary>
    [Theory]
    [InlineData(""","usage":{"prompt_tokens":30,"total_tokens":30}""", 60, false)]
    [InlineData("", 20, true)]
    public async Task SlicesBeforeTheOneThatFails_AreCharged(string usage, int tokens, bool isEstimated)
    {
        await using var qwen = await FakeVendor.StartAsync();
        var vectors = string.Join(',', Enumerable.Repeat("""{"embedding":[1]}""", 10));
        qwen.At($"{Compatible}/embeddings", call => call.Body.Contains("\"20\"", StringComparison.Ordinal)
            ? """{"error":{"message":"not this one","code":"data_inspection_failed"}}"""
            : $$"""{"data":[{{vectors}}]{{usage}}}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding", Compatible);
        var answer = await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input = Enumerable.Range(0, 25).Select(number => $"{number}") });
        Assert.False(answer.Status is System.Net.HttpStatusCode.OK, answer.Text);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("error", tokens, isEstimated), ((string?)row["status"], (int)row["tokens_in"]!, (bool)row["estimated"]!));
    }

    /// <summary>Two targets did the same slices, of which the caller pays one, as one was reserved. Those after them did nothing.</summary>
    [Fact]
    public async Task SlicesOfAnEarlierTarget_AreChargedOnce()
    {
        await using var qwen = await FakeVendor.StartAsync();
        var vectors = string.Join(',', Enumerable.Repeat("""{"embedding":[1]}""", 10));
        qwen.At("/embeddings", call => call.Body.Contains("\"10\"", StringComparison.Ordinal)
            ? """{"error":{"message":"slower","code":"limit_requests"}}"""
            : $$$"""{"data":[{{{vectors}}}],"usage":{"prompt_tokens":30,"total_tokens":30}}""");
        await using var gone = await FakeVendor.StartAsync();
        gone.At("/embeddings", """{"error":{"message":"broken","type":"server_error"}}""");
        var routed = await RoutedModel.CreateAsync(
            Admin,
            [
                new RoutedBackend(qwen.Address, "m", Type: "qwen"),
                new RoutedBackend(qwen.Address, "m", Priority: 1, Type: "qwen"),
                new RoutedBackend(qwen.Address, "m", Priority: 2, Type: "anthropic"),
                new RoutedBackend(gone.Address, "m", Priority: 3),
            ],
            modality: "embedding");
        var answer = await Admin.PostAsync("/v1/inference/embed", new { model = routed.Slug, input = Enumerable.Range(0, 25).Select(number => $"{number}") });
        Assert.NotEqual(200, (int)answer.Status);
        Assert.Equal("4", answer.Headers["X-Scaigrid-Attempts"]);
        var row = Assert.Single(await Admin.UsageAsync(routed.Slug, 1));
        Assert.Equal(("error", 30, routed.Backends[0]), ((string?)row["status"], (int)row["tokens_in"]!, (string?)row["backend_id"]));
    }

    [Fact]
    public async Task SlicesOfAnEarlierTarget_AreCharged_IfTheCallerLeaves()
    {
        await using var qwen = await FakeVendor.StartAsync();
        var vectors = string.Join(',', Enumerable.Repeat("""{"embedding":[1]}""", 10));
        qwen.At("/embeddings", call => call.Body.Contains("\"10\"", StringComparison.Ordinal)
            ? """{"error":{"message":"slower","code":"limit_requests"}}"""
            : $$$"""{"data":[{{{vectors}}}],"usage":{"prompt_tokens":30,"total_tokens":30}}""");
        var silent = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(silent, new UpstreamScript { Bytes = ["{"u8.ToArray(), "}"u8.ToArray()], ChunkDelay = TimeSpan.FromMinutes(5) });
        var routed = await RoutedModel.CreateAsync(
            Admin, [new RoutedBackend(qwen.Address, "m", Type: "qwen"), new RoutedBackend(Grid.Upstream.BaseUrl, silent, Priority: 1)], modality: "embedding");
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var body = JsonContent.Create(new { model = routed.Slug, input = Enumerable.Range(0, 25).Select(number => $"{number}") });
        var call = Admin.Http.PostAsync(new Uri("/v1/inference/embed", UriKind.Relative), body, leaves.Token);
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(silent).Count == 1), "the second target to be asked");
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        var row = Assert.Single(await Admin.UsageAsync(routed.Slug, 1));
        Assert.Equal(("cancelled", 30, routed.Backends[0]), ((string?)row["status"], (int)row["tokens_in"]!, (string?)row["backend_id"]));
    }

    [Fact]
    public async Task SlicesBeforeTheCallerLeaves_AreCharged()
    {
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var isSettled = new ManualResetEventSlim();
        await using var qwen = await FakeVendor.StartAsync();
        var vectors = string.Join(',', Enumerable.Repeat("""{"embedding":[1]}""", 10));
        qwen.At("/embeddings", call =>
        {
            if (call.Body.Contains("\"10\"", StringComparison.Ordinal))
            {
                isSettled.Wait(TimeSpan.FromMinutes(1));
            }

            return $$$"""{"data":[{{{vectors}}}],"usage":{"prompt_tokens":30,"total_tokens":30}}""";
        });
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding");
        using var body = JsonContent.Create(new { model = slug, input = Enumerable.Range(0, 25).Select(number => $"{number}") });
        var call = Admin.Http.PostAsync(new Uri("/v1/inference/embed", UriKind.Relative), body, leaves.Token);
        await Poll.UntilAsync(() => Task.FromResult(qwen.Calls.Count == 2), "the second slice to be sent");
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        var rows = await Admin.UsageAsync(slug, 1);
        isSettled.Set();
        var row = Assert.Single(rows);
        Assert.Equal(("cancelled", 30), ((string?)row["status"], (int)row["tokens_in"]!));
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"hi"}],"tools":[null,5,{"type":"function","function":{"name":"f"}}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":null},{"type":"input_audio"},null]}]}""")]
    public async Task WhatIsNoToolAndNoRecording_IsLeftToTheUpstream(string request)
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At($"{Compatible}/chat/completions", """{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "chat", Compatible);
        var body = JsonNode.Parse(request)!;
        body["model"] = slug;
        (await Admin.SendAsync(HttpMethod.Post, "/v1/inference/chat", body.ToJsonString())).Ok();
        body["model"] = "their-model";
        Assert.True(JsonNode.DeepEquals(body, JsonNode.Parse(qwen.Calls.Last().Body)), qwen.Calls.Last().Body);
    }

    [Fact]
    public async Task Pictures_AreFetched_FromItsOwnApi()
    {
        await using var qwen = await FakeVendor.StartAsync();
        var picture = $$"""{"image":"{{qwen.Address}}/pixel.png"}""";
        qwen.At("/pixel.png", FakeOperations.Png, "image/png")
            .At(Generation, $$$"""{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":[{{{picture}}},{{{picture}}}]}}]},"usage":{"image_count":2,"width":512,"height":512},"request_id":"r"}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "image", Compatible, modelFields: new { image_price = "0.02", default_params = new { watermark = false } });
        var answer = (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a \"dot\"", n = 2, size = "512x512", quality = "high", response_format = "b64_json" })).Body();
        Assert.All(answer["data"]!.AsArray(), item => Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)item!["b64_json"]!)));
        Assert.Equal(2, answer["data"]!.AsArray().Count);
        Assert.Equal(
            """{"model":"their-model","input":{"messages":[{"role":"user","content":[{"text":"a \u0022dot\u0022"}]}]},"parameters":{"n":2,"watermark":false,"size":"512*512"}}""",
            qwen.Calls.First().Json);
        Assert.Equal("0.04", (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["cost"]);
        Assert.All(qwen.Calls.Where(call => call.Path == "/pixel.png"), call => Assert.False(call.Headers.ContainsKey("Authorization")));

        qwen.At(Generation, """{"output":{"task_id":"t","task_status":"PENDING"},"request_id":"r"}""");
        (await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
    }

    /// <summary>Wan's own default is four pictures.</summary>
    [Theory]
    [InlineData(null, 1)]
    [InlineData(2, 2)]
    public async Task NumberOfPictures_IsAlwaysTold(int? usual, int told)
    {
        await using var qwen = await FakeVendor.StartAsync();
        var picture = $$"""{"image":"{{qwen.Address}}/pixel.png"}""";
        qwen.At("/pixel.png", FakeOperations.Png, "image/png").At(Generation, $$$"""{"output":{"choices":[{"message":{"content":[{{{picture}}}]}}]}}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "image", Compatible, modelFields: new { default_params = new { n = usual } });
        (await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot" })).Ok();
        Assert.Equal(told, (int?)JsonNode.Parse(qwen.Calls.First().Body)!["parameters"]!["n"]);
    }

    [Fact]
    public async Task Speech_IsFetched_WithoutTheKey()
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At("/speech.wav", [.. "RIFF"u8, 1, 2], "application/octet-stream")
            .At(Generation, $$$$"""{"output":{"finish_reason":"stop","audio":{"data":"","url":"{{{{qwen.Address}}}}/speech.wav","id":"a"}},"usage":{"input_tokens":5,"output_tokens":40,"total_tokens":45}}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "audio", Compatible);
        var speech = await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", voice = "Cherry", speed = 2 });
        Assert.Equal(("audio/wav", "RIFF\u0001\u0002"), (speech.Headers["Content-Type"], speech.Text));
        Assert.Equal("""{"model":"their-model","input":{"text":"hi","voice":"Cherry"}}""", qwen.Calls.First().Json);
        Assert.Equal($"Bearer {FakeVendor.Key}", qwen.Calls.First().Headers["Authorization"]);
        Assert.False(qwen.Calls.Last().Headers.ContainsKey("Authorization"));
        Assert.Equal(40, (int)Assert.Single(await Admin.UsageAsync(slug, 1))["tokens_out"]!);
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", response_format = "mp3" })).Error(422, "VALIDATION_ERROR");

        qwen.At(Generation, """{"output":{"audio":{"url":"file:///etc/passwd"}}}""");
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        qwen.At(Generation, $$$$"""{"output":{"audio":{"url":"{{{{qwen.Address}}}}/gone.wav"}}}""");
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" })).Error(502, "BACKEND_ERROR");
    }

    /// <summary>An upstream may be private; what it links to may not, because whoever answers for it could so read what only this machine reaches.</summary>
    [Fact]
    public async Task Links_LeadToNothingElseThatIsPrivate_NorToWhatIsNoRecording()
    {
        await using var qwen = await FakeVendor.StartAsync();
        await using var other = await FakeVendor.StartAsync();
        other.At("/speech.wav", [1], "audio/wav").At("/pixel.png", FakeOperations.Png, "image/png");
        qwen.At("/metrics", [1], "text/plain");
        var speaker = await qwen.ConnectAsync(Admin, "qwen", "audio", Compatible);
        qwen.At(Generation, $$$$"""{"output":{"audio":{"url":"{{{{other.Address}}}}/speech.wav"}}}""");
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = speaker, input = "hi" })).Error(502, "BACKEND_ERROR");
        speaker = await qwen.ConnectAsync(Admin, "qwen", "audio", Compatible);
        qwen.At(Generation, $$$$"""{"output":{"audio":{"url":"{{{{qwen.Address}}}}/metrics"}}}""");
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = speaker, input = "hi" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");

        var painter = await qwen.ConnectAsync(Admin, "qwen", "image", Compatible);
        qwen.At(Generation, $$$$"""{"output":{"choices":[{"message":{"content":[{"image":"{{{{other.Address}}}}/pixel.png"}]}}]}}""");
        (await Admin.PostAsync("/v1/inference/images/generate", new { model = painter, prompt = "a dot" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        Assert.Empty(other.Calls);
    }

    [Fact]
    public async Task Transcription_IsAChatOfARecording()
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At($"{Compatible}/chat/completions", """{"choices":[{"finish_reason":"stop","index":0,"message":{"role":"assistant","content":"said"}}],"usage":{"prompt_tokens":50,"completion_tokens":2,"total_tokens":52,"seconds":30}}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "audio", Compatible, modelFields: new { audio_price_per_minute = "0.006" });
        var tape = Encoding.ASCII.GetBytes("a tape");
        Assert.Equal("said", (string?)(await Admin.TranscribeAsync(Transcribe, tape, ("model", slug), ("language", "nl"))).Ok()["text"]);
        Assert.Equal(
            """{"model":"their-model","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"data:audio/wav;base64,YSB0YXBl"}}]}],"asr_options":{"language":"nl"}}""",
            qwen.Calls.Last().Json);
        Assert.Equal("said\n", (await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", tape, ("model", slug), ("response_format", "text"))).Text);
        Assert.All(await Admin.UsageAsync(slug, 2), row => Assert.Equal(("0.003", 50), ((string?)row["cost"], (int)row["tokens_in"]!)));
        (await Admin.TranscribeAsync(Transcribe, tape, ("model", slug), ("response_format", "vtt"))).Error(422, "VALIDATION_ERROR");
        (await Admin.TranscribeAsync(Transcribe, new byte[(10 * 1024 * 1024) + 1], ("model", slug))).Error(422, "VALIDATION_ERROR");
        Assert.Equal(2, qwen.Calls.Count);
    }

    [Fact]
    public async Task AddressElsewhere_NeedsItsOwnApiToldApart()
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At("/speech.wav", [1], "audio/wav")
            .At("/own/services/aigc/multimodal-generation/generation", $$$$"""{"output":{"audio":{"url":"{{{{qwen.Address}}}}/speech.wav"}}}""");
        var without = await qwen.ConnectAsync(Admin, "qwen", "audio", "/proxied");
        var error = (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = without, input = "hi" })).Error(502, "BACKEND_ERROR");
        Assert.Contains("text_to_speech", (string?)error["message"], StringComparison.Ordinal);
        var with = await qwen.ConnectAsync(Admin, "qwen", "audio", "/proxied", new { api_url = $"{qwen.Address}/own" });
        Assert.Equal("\u0001", (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = with, input = "hi" })).Text);
        (await Admin.PostAsync("/v1/providers", new { name = "odd", type = "qwen", config = new { api_url = "ftp://x" } })).Error(422, "VALIDATION_ERROR");
    }
}
