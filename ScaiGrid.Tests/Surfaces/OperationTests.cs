using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Rules for all operations: the demo model supports them or refuses them with an error. Also moderations.</summary>
public sealed class OperationTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Moderation_IsOpenAis()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var body = (await Admin.PostAsync("/oai/v1/moderations", new { model = slug, input = new[] { "a", "b" } })).Body();
        Assert.StartsWith("modr_", (string?)body["id"], StringComparison.Ordinal);
        Assert.Equal(slug, (string?)body["model"]);
        Assert.Equal(2, body["results"]!.AsArray().Count);
        Assert.True((bool)body["results"]![0]!["categories"]!["violence"]!);
        (await Admin.PostAsync("/oai/v1/moderations", new { model = slug })).OpenAiError(400, "validation_error");
    }

    [Fact]
    public async Task Echo_Embeds_SameTextSameVector()
    {
        var slug = await ConnectEchoAsync("embedding");
        var data = (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = new[] { "red dot", "dot red", "sky" }, dimensions = 64 })).Ok();
        var vectors = data["data"]!.AsArray().Select(item => item!["embedding"]!.AsArray().Select(value => (float)value!).ToArray()).ToArray();
        Assert.All(vectors, vector => Assert.Equal(64, vector.Length));
        Assert.Equal(vectors[0], vectors[1]);
        Assert.NotEqual(vectors[0], vectors[2]);
    }

    [Fact]
    public async Task Echo_Embeds_WithTheModelsDimensions()
    {
        var slug = await ConnectEchoAsync("embedding", new { dimensions = 3 });
        Assert.Equal(3, (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = "x" })).Ok()["data"]![0]!["embedding"]!.AsArray().Count);
        Assert.Equal(2, (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = "x", dimensions = 2 })).Ok()["data"]![0]!["embedding"]!.AsArray().Count);
    }

    [Fact]
    public async Task Echo_Paints()
    {
        var slug = await ConnectEchoAsync("image", new { n = 2 });
        var pictures = (await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "x" })).Ok()["data"]!.AsArray();
        Assert.Equal(2, pictures.Count);
        var link = (string)pictures[0]!["url"]!;
        var png = await Admin.Http.GetByteArrayAsync(new Uri(link));
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
    }

    [Fact]
    public async Task Echo_Hums_AndDoesNotListen()
    {
        var slug = await ConnectEchoAsync("audio");
        var answer = await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "one two" });
        Assert.Equal("audio/wav", answer.Headers["Content-Type"]);
        Assert.StartsWith("RIFF", answer.Text, StringComparison.Ordinal);
        var error = (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1, 2], ("model", slug))).Error(502, "BACKEND_ERROR");
        Assert.Contains("transcription", (string?)error["message"], StringComparison.Ordinal);
    }

    /// <summary>Servers in Go read names in any case, and the last one wins: it would be another model, or a stream that nobody reads.</summary>
    [Theory]
    [InlineData("/v1/inference/chat", """{"model":"m","messages":[{"role":"user","content":"a"}],"Model":"other"}""", "Model")]
    [InlineData("/oai/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"a"}],"\u017ftream":true}""", "\u017ftream")]
    [InlineData("/oai/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"a"}],"streamOptions":{}}""", "streamOptions")]
    [InlineData("/oai/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"a"}],"stream":true,"stream_options":{"Include_Usage":false}}""", "stream_options.Include_Usage")]
    [InlineData("/oai/v1/completions", """{"model":"m","prompt":"a","MESSAGES":[]}""", "MESSAGES")]
    [InlineData("/oai/v1/responses", """{"model":"m","input":"a","STREAM":true}""", "STREAM")]
    [InlineData("/v1/inference/embed", """{"model":"m","input":"a","Encoding_Format":"base64"}""", "Encoding_Format")]
    [InlineData("/v1/inference/images/generate", """{"model":"m","prompt":"a","Prompt":"b"}""", "Prompt")]
    [InlineData("/oai/v1/moderations", """{"model":"m","input":"a","Input":"b"}""", "Input")]
    [InlineData("/oai/v1/audio/speech", """{"model":"m","input":"a","voice":"v","MODEL":"b"}""", "MODEL")]
    public async Task FieldInAnotherSpelling_IsRefusedByName(string path, string body, string field)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, path, body);
        Assert.Equal(path.StartsWith("/oai", StringComparison.Ordinal) ? 400 : 422, (int)answer.Status);
        Assert.Contains("must be spelled", answer.Text, StringComparison.Ordinal);
        Assert.Contains(field, answer.Text, StringComparison.Ordinal);
    }

    /// <summary>The other operations handle such a response as chat does.</summary>
    [Fact]
    public async Task ErrorWithTheStatusOfASuccess_IsReadAsThatError()
    {
        var script = new UpstreamScript { Body = """{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}""" };
        var speaker = await ConnectAsync(script, modelFields: new { modality = "audio" });
        var embedder = await ConnectAsync(script, modelFields: new { modality = "embedding" });
        (await Admin.PostAsync("/v1/inference/embed", new { model = embedder, input = "a" })).Error(429, "BACKEND_RATE_LIMITED");
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = speaker, input = "a" })).Error(429, "BACKEND_RATE_LIMITED");
        (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1, 2], ("model", speaker))).Error(429, "BACKEND_RATE_LIMITED");
    }

    /// <summary>As chat does: see ChatProviderConformance.</summary>
    [Fact]
    public async Task CompressedAnswer_IsAMismatch_ThatNamesTheEncoding()
    {
        var compressed = new Dictionary<string, string> { ["Content-Encoding"] = "br" };
        var embedder = await ConnectAsync(new UpstreamScript { Headers = compressed }, modelFields: new { modality = "embedding" });
        var speaker = await ConnectAsync(
            new UpstreamScript { Headers = compressed, ContentType = "audio/mpeg", Bytes = ["compressed"u8.ToArray()] }, modelFields: new { modality = "audio" });
        Answer[] answers =
        [
            await Admin.PostAsync("/v1/inference/embed", new { model = embedder, input = "a" }),
            await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = speaker, input = "a" }),
        ];
        Assert.All(answers, answer => Assert.Contains("(br)", (string?)answer.Error(502, "UPSTREAM_SHAPE_MISMATCH")["message"], StringComparison.Ordinal));
    }

    /// <summary>An error field that is empty or accompanies a result is not an error.</summary>
    [Theory]
    [InlineData("\"\"")]
    [InlineData("{}")]
    [InlineData("false")]
    [InlineData("{\"note\":\"none\"}")]
    public async Task AnswerWithAnErrorFieldBesideIt_IsAnAnswer(string error)
    {
        var embedder = await ConnectAsync(
            new UpstreamScript { Body = $$$"""{"object":"list","error":{{{error}}},"data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}""" },
            modelFields: new { modality = "embedding" });
        (await Admin.PostAsync("/v1/inference/embed", new { model = embedder, input = "a" })).Ok();
        var silent = await ConnectAsync(new UpstreamScript { Body = $$$"""{"error":{{{error}}},"text":"said"}""" }, modelFields: new { modality = "audio" });
        Assert.Equal("said", (string?)(await Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1, 2], ("model", silent))).Ok()["text"]);
    }

    /// <summary>As chat does: see ChatProviderConformance.</summary>
    [Fact]
    public async Task KeyInAnAnswer_IsOverwritten()
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/audio/transcriptions", $$$"""{"text":"Sent: Bearer {{{FakeVendor.Key}}}"}""")
            .At("/embeddings", $$$"""{"data":[{"embedding":"{{{FakeVendor.Key}}}"}],"usage":{"prompt_tokens":1}}""")
            .At("/moderations", $$$"""{"results":[{"flagged":false,"sent":"Bearer {{{FakeVendor.Key}}}"}]}""")
            .At("/models", $$$"""{"data":[{"id":"{{{FakeVendor.Key}}}"}]}""");
        var audio = await vendor.ConnectAsync(Admin, "custom", "audio");
        var chat = await vendor.ConnectAsync(Admin, "custom", "chat");
        var embedding = await vendor.ConnectAsync(Admin, "custom", "embedding");
        var provider = await vendor.ConnectProviderAsync(Admin, "custom");
        Answer[] answers =
        [
            await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", [1, 2], ("model", audio)),
            await Admin.PostAsync("/oai/v1/embeddings", new { model = embedding, input = "a", encoding_format = "base64" }),
            await Admin.PostAsync("/oai/v1/moderations", new { model = chat, input = "a" }),
            await Admin.PostAsync($"/v1/providers/{provider}/discover", new { }),
        ];
        Assert.All(answers, answer =>
        {
            Assert.Equal(200, (int)answer.Status);
            Assert.Contains(new string('*', FakeVendor.Key.Length), answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(FakeVendor.Key, answer.Text, StringComparison.Ordinal);
        });
    }

    private async Task<string> ConnectEchoAsync(string modality, object? defaults = null)
    {
        var unique = Guid.CreateVersion7().ToString("N")[^12..];
        var provider = (await Admin.PostAsync("/v1/providers", new { name = $"echo-{unique}", type = "echo" })).Created();
        var backend = (await Admin.PostAsync("/v1/backends", new { provider_id = (string)provider["id"]!, model = "echo" })).Created();
        var model = (await Admin.PostAsync("/v1/models", new { slug = $"test/{unique}", modality, default_params = defaults ?? new { } })).Created();
        (await Admin.PutAsync(
            $"/v1/models/{(string)model["id"]!}/routing",
            new { strategy = "weighted", targets = new[] { new { backend_id = (string)backend["id"]!, weight = 1, priority = 0 } } })).Ok();
        return $"test/{unique}";
    }
}
