using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Operations for which Google has its own format.</summary>
public sealed class GoogleOperationTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Embeddings_AreTranslated()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "gemini-embedding-001", "embedding");
        var data = (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = new[] { "one", "two" }, dimensions = 2 })).Ok();
        Assert.Equal([0, 0.5f, 1, 0.5f], data["data"]!.AsArray().SelectMany(item => item!["embedding"]!.AsArray()).Select(value => (float)value!));
        Assert.Equal(2, (int)data["usage"]!["prompt_tokens"]!);
        Assert.Equal(
            """{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"one"}]},"outputDimensionality":2},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"two"}]},"outputDimensionality":2}]}""",
            google.Received["gemini-embedding-001:batchEmbedContents"].ToJsonString());
        (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input = new[] { 1, 2 } })).OpenAiError(400, "validation_error");
    }

    /// <summary>Google accepts 100 texts per request.</summary>
    [Fact]
    public async Task ManyEmbeddings_AreAskedForInSlices()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "gemini-embedding-001", "embedding");
        var body = (await Admin.PostAsync("/oai/v1/embeddings", new { model = slug, input = Enumerable.Range(0, 150).Select(number => $"text {number}") })).Body();
        Assert.Equal(Enumerable.Range(0, 150), body["data"]!.AsArray().Select(item => (int)item!["index"]!));
        Assert.Equal(49, (float)body["data"]![149]!["embedding"]![0]!);
        var last = google.Received["gemini-embedding-001:batchEmbedContents"]["requests"]!.AsArray();
        Assert.Equal((50, "text 100"), (last.Count, (string?)last[0]!["content"]!["parts"]![0]!["text"]));
    }

    [Fact]
    public async Task DefaultsOfTheModel_StandInForWhatTheCallerLeavesOut()
    {
        await using var google = await FakeVendor.StartAsync();
        const string Generate = "/models/their-model:generateContent";
        google.At("/models/their-model:batchEmbedContents", """{"embeddings":[{"values":[1,2]}]}""");
        google.At(Generate, """{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"audio/L16;rate=24000","data":"AQACAA=="}}]}}]}""");
        google.At("/models/imagen-4:predict", $$"""{"predictions":[{"bytesBase64Encoded":"{{Convert.ToBase64String(FakeOperations.Png)}}"}]}""");

        var embedding = await ConnectAsync("embedding", new { dimensions = 2 });
        (await Admin.PostAsync("/v1/inference/embed", new { model = embedding, input = "hi" })).Ok();
        Assert.EndsWith("\"outputDimensionality\":2}]}", google.Calls.Last().Json, StringComparison.Ordinal);

        var speech = await ConnectAsync("audio", new { response_format = "pcm", instructions = "Calmly", voice = "Kore" });
        Assert.Equal("\u0001\0\u0002\0", (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = speech, input = "hi" })).Text);
        Assert.Contains("\"Calmly: hi\"", google.Calls.Last().Json, StringComparison.Ordinal);
        Assert.Contains("\"voiceName\":\"Kore\"", google.Calls.Last().Json, StringComparison.Ordinal);

        var images = await ConnectAsync("image", new { size = "1792x1024", n = 2 }, "imagen-4");
        Assert.Equal(200, (int)(await Admin.PostAsync("/oai/v1/images/generations", new { model = images, prompt = "a dot" })).Status);
        Assert.EndsWith("\"parameters\":{\"sampleCount\":2,\"aspectRatio\":\"16:9\"}}", google.Calls.Last().Json, StringComparison.Ordinal);
        await Admin.PostAsync("/oai/v1/images/generations", new { model = images, prompt = "a dot", size = "1024x1024", n = 1 });
        Assert.EndsWith("\"parameters\":{\"sampleCount\":1,\"aspectRatio\":\"1:1\"}}", google.Calls.Last().Json, StringComparison.Ordinal);

        Task<string> ConnectAsync(string modality, object defaults, string model = "their-model") =>
            google.ConnectAsync(Admin, "google", modality, modelFields: new { default_params = defaults }, model: model);
    }

    /// <summary>Drafts are marked as thoughts. If there is nothing else, the last draft is the image.</summary>
    [Theory]
    [InlineData("""{"thought":true,"inlineData":{"data":"AAAA"}},{"text":"So."},{"inlineData":{"data":"PNG"}}""")]
    [InlineData("""{"thought":true,"inlineData":{"data":"AAAA"}},{"thought":true,"inlineData":{"data":"PNG"}}""")]
    public async Task DraftsOfAPicture_AreNotDelivered_NorBilled(string parts)
    {
        var png = Convert.ToBase64String(FakeOperations.Png);
        await using var google = await FakeVendor.StartAsync();
        google.At("/models/their-model:generateContent", $$$"""{"candidates":[{"content":{"parts":[{{{parts.Replace("PNG", png, StringComparison.Ordinal)}}}]}}]}""");
        var slug = await google.ConnectAsync(Admin, "google", "image");
        var body = (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", size = "1536x1024", response_format = "b64_json" })).Body();
        Assert.Equal(png, (string?)Assert.Single(body["data"]!.AsArray())!["b64_json"]);
        Assert.Contains("\"aspectRatio\":\"3:2\"", google.Calls.Last().Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Imagen_Paints()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "imagen-4.0-generate-001", "image");
        var picture = (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", n = 1, size = "1792x1024" })).Body()["data"]![0]!;
        Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)picture["b64_json"]!));
        Assert.Equal(
            """{"instances":[{"prompt":"a dot"}],"parameters":{"sampleCount":1,"aspectRatio":"16:9"}}""",
            google.Received["imagen-4.0-generate-001:predict"].ToJsonString());
        Assert.Equal(200, (int)(await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", n = 4 })).Status);
        (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", n = 5 })).OpenAiError(400, "validation_error");
        Assert.Equal(4, (int)google.Received["imagen-4.0-generate-001:predict"]["parameters"]!["sampleCount"]!);
    }

    [Fact]
    public async Task Gemini_Paints_AndItsTokensAreBilled()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "gemini-2.5-flash-image", "image");
        var body = (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", response_format = "b64_json" })).Body();
        Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)body["data"]![0]!["b64_json"]!));
        Assert.Equal(1295, (int)body["usage"]!["total_tokens"]!);
        Assert.Equal(1290, (int)Assert.Single(await Admin.UsageAsync(slug, 1))["tokens_out"]!);
        (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", n = 2 })).OpenAiError(400, "validation_error");
    }

    [Fact]
    public async Task Gemini_Speaks_InWavAndPcm()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "gemini-2.5-flash-preview-tts", "audio");
        var wave = await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", voice = "Kore" });
        Assert.Equal("audio/wav", wave.Headers["Content-Type"]);
        Assert.StartsWith("RIFF", wave.Text, StringComparison.Ordinal);
        var samples = await Admin.PostAsync("/oai/v1/audio/speech", new { model = slug, input = "hi", voice = "Kore", response_format = "pcm" });
        Assert.Equal("\u0001\0\u0002\0", samples.Text);
        Assert.Equal(
            """{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{"prebuiltVoiceConfig":{"voiceName":"Kore"}}}}}""",
            google.Received["gemini-2.5-flash-preview-tts:generateContent"].ToJsonString());
        Assert.All(await Admin.UsageAsync(slug, 2), row => Assert.Equal(40, (int)row["tokens_out"]!));
        (await Admin.PostAsync("/oai/v1/audio/speech", new { model = slug, input = "hi", voice = "Kore", response_format = "mp3" })).OpenAiError(400, "validation_error");
    }

    [Theory]
    [InlineData("imagen-4.0-generate-001", "image", "/v1/inference/images/generate", """ "prompt":"a dot \ud83d","size":"1024x1024" """)]
    [InlineData("imagen-4.0-generate-001", "image", "/oai/v1/images/generations", """ "prompt":"a dot","size":"\ud83d" """)]
    [InlineData("gemini-2.5-flash-image", "image", "/oai/v1/images/generations", """ "prompt":"a dot \ud83d","size":"\ud83d" """)]
    [InlineData("gemini-2.5-flash-preview-tts", "audio", "/oai/v1/audio/speech", """ "input":"hi \ud83d","voice":"\ud83d","instructions":"\ud83d","response_format":"wav" """)]
    [InlineData("gemini-embedding-001", "embedding", "/oai/v1/embeddings", """ "input":"hi \ud83d" """)]
    public async Task HalfACharacter_IsNoMistakeOfOurs(string model, string modality, string path, string fields)
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, model, modality);
        Assert.Equal(200, (int)(await Admin.SendAsync(HttpMethod.Post, path, $$"""{"model":"{{slug}}",{{fields}}}""")).Status);
    }

    [Fact]
    public async Task SpeechOfNoSaidRate_HasTheUsualOne()
    {
        await using var google = await FakeVendor.StartAsync();
        google.At("/models/their-model:generateContent", """{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":null,"data":"AQACAA=="}}]},"finishReason":"STOP"}]}""");
        var slug = await google.ConnectAsync(Admin, "google", "audio");
        var wave = await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" });
        Assert.Equal((200, "audio/wav"), ((int)wave.Status, wave.Headers["Content-Type"]));
    }

    [Fact]
    public async Task SpeechBesideWords_IsFound_AndNoSpeechIsAMismatch()
    {
        await using var google = await FakeVendor.StartAsync();
        google.At(
            "/models/their-model:generateContent",
            """{"candidates":[{"content":{"parts":[{"text":"Sure."},{"inlineData":{"mimeType":"audio/L16;rate=24000","data":"AQACAA=="}}]}}]}""");
        var slug = await google.ConnectAsync(Admin, "google", "audio");
        Assert.Equal("\u0001\0\u0002\0", (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", response_format = "pcm" })).Text);
        string[] answers =
        [
            """{"candidates":[]}""",
            """{"candidates":[{"content":{"parts":[{"inlineData":{"data":"no base64!"}}]}}]}""",
            "[{",
        ];
        foreach (var answer in answers)
        {
            google.At("/models/their-model:generateContent", answer);
            (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        }
    }

    /// <summary>A refusal of one caller's content does not open the circuit for the others.</summary>
    [Theory]
    [InlineData("image", true, """{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":9}}""")]
    [InlineData("image", true, """{"candidates":[{"finishReason":"IMAGE_SAFETY","index":0}]}""")]
    [InlineData("image", true, """{"candidates":[{"content":{"parts":[{"text":"I must not."}]},"finishReason":"IMAGE_PROHIBITED_CONTENT"}]}""")]
    [InlineData("image", false, """{"candidates":[{"content":{"parts":[{"text":"I cannot draw that."}]},"finishReason":"STOP"}]}""")]
    [InlineData("image", false, """{"candidates":[{"content":null,"finishReason":"NO_IMAGE"}]}""")]
    [InlineData("imagen", true, "{}")]
    [InlineData("imagen", true, """{"predictions":[{"raiFilteredReason":"All images were filtered out."}]}""")]
    [InlineData("audio", true, """{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}""")]
    [InlineData("audio", true, """{"candidates":[{"finishReason":"SAFETY"}]}""")]
    [InlineData("audio", false, """{"candidates":[{"content":{},"finishReason":"OTHER"}]}""")]
    [InlineData("audio", false, """{"candidates":[{"content":null},{"content":{"parts":[{"text":"Sure."}]}}]}""")]
    public async Task ContentThatIsRefused_IsTheCallersMatter_AndAnAnswerWithoutIt_TheModels(string kind, bool isRefused, string answer)
    {
        await using var google = await FakeVendor.StartAsync();
        var (model, method) = kind == "imagen" ? ("imagen-4", "predict") : ("their-model", "generateContent");
        var path = $"/models/{model}:{method}";
        google.At(path, answer);
        var isAudio = kind == "audio";
        var slug = await google.ConnectAsync(Admin, "google", isAudio ? "audio" : "image", model: model);
        for (var i = 0; i < 6; i++)
        {
            var told = isAudio
                ? await Admin.PostAsync("/oai/v1/audio/speech", new { model = slug, input = "hi", voice = "Kore", response_format = "pcm" })
                : await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", response_format = "b64_json" });
            if (isRefused)
            {
                told.OpenAiError(400, "content_policy_violation");
            }
            else
            {
                told.OpenAiError(502, "backend_error");
            }
        }

        google.At(path, $$"""
            {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"audio/L16","data":"{{Convert.ToBase64String(FakeOperations.Png)}}"} }]} }],
             "predictions":[{"bytesBase64Encoded":"{{Convert.ToBase64String(FakeOperations.Png)}}"}]}
            """);
        var good = isAudio
            ? await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" })
            : await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot" });
        Assert.Equal(200, (int)good.Status);
    }

    [Fact]
    public async Task WrongKey_IsOursToMend()
    {
        await using var google = await FakeGoogle.StartAsync();
        var slug = await ConnectGoogleAsync(google, "gemini-embedding-001", "embedding", key: "wrong-key-0123456789");
        var error = (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = "x" })).Error(502, "BACKEND_ERROR");
        Assert.DoesNotContain("wrong-key", error.ToJsonString(), StringComparison.Ordinal);
    }

    private async Task<string> ConnectGoogleAsync(FakeGoogle google, string model, string modality, string key = FakeGoogle.Key)
    {
        var unique = Guid.CreateVersion7().ToString("N")[^12..];
        var provider = (await Admin.PostAsync("/v1/providers", new { name = $"google-{unique}", type = "google", config = new { base_url = google.BaseUrl, api_key = key } })).Created();
        var backend = (await Admin.PostAsync("/v1/backends", new { provider_id = (string)provider["id"]!, model })).Created();
        var made = (await Admin.PostAsync("/v1/models", new { slug = $"test/{unique}", modality })).Created();
        (await Admin.PutAsync(
            $"/v1/models/{(string)made["id"]!}/routing",
            new { strategy = "weighted", targets = new[] { new { backend_id = (string)backend["id"]!, weight = 1, priority = 0 } } })).Ok();
        return $"test/{unique}";
    }
}
