using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Mistral's operations: the fields that Mistral knows, under its names.</summary>
public sealed class MistralOperationTests(Grid grid) : GridTest(grid)
{
    private static readonly byte[] Tape = Encoding.ASCII.GetBytes("a tape");

    [Fact]
    public async Task Embeddings_GetTheFieldsThatItKnows()
    {
        await using var mistral = await FakeVendor.StartAsync();
        mistral.At("/v1/embeddings", """{"id":"e","object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[1,2]}],"usage":{"prompt_tokens":4,"total_tokens":4}}""");
        var slug = await mistral.ConnectAsync(Admin, "mistral", "embedding", "/v1");
        var data = (await Admin.PostAsync("/v1/inference/embed", new { model = slug, input = "x", dimensions = 2, user = "u", made_up = 1 })).Ok();
        Assert.Equal([1f, 2f], data["data"]![0]!["embedding"]!.AsArray().Select(value => (float)value!));
        Assert.Equal("""{"model":"their-model","input":"x","output_dimension":2}""", mistral.Calls.Last().Json);
        Assert.Equal($"Bearer {FakeVendor.Key}", mistral.Calls.Last().Headers["Authorization"]);

        var defaulted = await mistral.ConnectAsync(Admin, "mistral", "embedding", "/v1", modelFields: new { default_params = new { dimensions = 7, output_dtype = "int8" } });
        (await Admin.PostAsync("/v1/inference/embed", new { model = defaulted, input = "x" })).Ok();
        Assert.Equal("""{"model":"their-model","input":"x","output_dimension":7,"output_dtype":"int8"}""", mistral.Calls.Last().Json);
    }

    [Fact]
    public async Task Moderations_SayWhetherAnythingWasFound()
    {
        await using var mistral = await FakeVendor.StartAsync();
        mistral.At("/v1/moderations", """{"id":"m","model":"m","results":[{"categories":{"pii":false,"violence":true},"category_scores":{"pii":0.1,"violence":0.9}},{"categories":{"pii":false},"category_scores":{"pii":0}}]}""");
        var slug = await mistral.ConnectAsync(Admin, "mistral", "chat", "/v1");
        var results = (await Admin.PostAsync("/oai/v1/moderations", new { model = slug, input = new[] { "a", "b" } })).Body()["results"]!;
        Assert.Equal([true, false], results.AsArray().Select(result => (bool)result!["flagged"]!));
        Assert.True((bool)results[0]!["categories"]!["violence"]!);
        Assert.Equal(0.9, (double)results[0]!["category_scores"]!["violence"]!);

        mistral.At("/v1/moderations", """{"results":[{}]}""");
        (await Admin.PostAsync("/oai/v1/moderations", new { model = slug, input = "a" })).OpenAiError(502, "upstream_shape_mismatch");
    }

    [Fact]
    public async Task Speech_IsUnpacked_UnderTheVoicesId()
    {
        await using var mistral = await FakeVendor.StartAsync();
        mistral.At("/v1/audio/speech", """{"audio_data":"AQID"}""");
        var slug = await mistral.ConnectAsync(Admin, "mistral", "audio", "/v1");
        var speech = await Admin.PostAsync("/oai/v1/audio/speech", new { model = slug, input = "hi", voice = "gb_jane", speed = 2 });
        Assert.Equal(("audio/mpeg", "\u0001\u0002\u0003"), (speech.Headers["Content-Type"], speech.Text));
        Assert.Equal("""{"model":"their-model","input":"hi","voice_id":"gb_jane","response_format":"mp3"}""", mistral.Calls.Last().Json);
        speech = await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", voice = new { id = "mine" }, response_format = "wav" });
        Assert.Equal("audio/wav", speech.Headers["Content-Type"]);
        Assert.Equal("mine", (string?)JsonNode.Parse(mistral.Calls.Last().Body)!["voice_id"]);
        (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi", response_format = "aac" })).Error(422, "VALIDATION_ERROR");
        Assert.Equal(2, mistral.Calls.Count);

        foreach (var answer in new[] { """{"audio_data":"no base64!"}""", """{"audio_data":1}""", "[]", "{" })
        {
            mistral.At("/v1/audio/speech", answer);
            (await Admin.PostAsync("/v1/inference/audio/synthesize", new { model = slug, input = "hi" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        }
    }

    [Fact]
    public async Task Transcription_IsJson_BilledByItsSeconds()
    {
        await using var mistral = await FakeVendor.StartAsync();
        mistral.At("/v1/audio/transcriptions", """{"model":"m","text":"said","language":"en","segments":[{"text":"said","start":0,"end":1.5}],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"prompt_audio_seconds":90}}""");
        var slug = await mistral.ConnectAsync(Admin, "mistral", "audio", "/v1", modelFields: new { audio_price_per_minute = "0.006" });
        var text = await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", Tape, ("model", slug), ("response_format", "text"), ("prompt", "p"), ("temperature", "0.5"));
        Assert.Equal("said\n", text.Text);
        Assert.Contains("name=temperature", mistral.Calls.Last().Body, StringComparison.Ordinal);
        Assert.DoesNotContain("response_format", mistral.Calls.Last().Body, StringComparison.Ordinal);
        Assert.DoesNotContain("name=prompt", mistral.Calls.Last().Body, StringComparison.Ordinal);
        Assert.DoesNotContain("name=timestamp_granularities", mistral.Calls.Last().Body, StringComparison.Ordinal);

        var data = (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", Tape, ("model", slug), ("response_format", "verbose_json"))).Ok();
        Assert.Equal(1.5, (double)data["segments"]![0]!["end"]!);
        Assert.Contains("name=timestamp_granularities\r\n\r\nsegment", mistral.Calls.Last().Body, StringComparison.Ordinal);
        (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", Tape, ("model", slug), ("timestamp_granularities[]", "word"))).Ok();
        Assert.Contains("name=timestamp_granularities\r\n\r\nword", mistral.Calls.Last().Body, StringComparison.Ordinal);

        // The response does not contain the upstream's name of the model.
        var openAi = (await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", Tape, ("model", slug), ("language", "en"))).Body();
        Assert.Equal((slug, "said"), ((string?)openAi["model"], (string?)openAi["text"]));
        Assert.All(await Admin.UsageAsync(slug, 4), row => Assert.Equal("0.009", (string?)row["cost"]));
        (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", Tape, ("model", slug), ("response_format", "srt"))).Error(422, "VALIDATION_ERROR");
    }

    /// <summary>The upstream rejects times alongside a language.</summary>
    [Fact]
    public async Task LanguageThatIsTheModelsDefault_IsNotSentAlongsideTimes()
    {
        await using var mistral = await FakeVendor.StartAsync();
        mistral.At("/audio/transcriptions", """{"text":"said"}""");
        var slug = await mistral.ConnectAsync(Admin, "mistral", "audio", modelFields: new { default_params = new { language = "nl" } });
        (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", Tape, ("model", slug), ("response_format", "verbose_json"))).Ok();
        Assert.Contains("name=language\r\n\r\nnl", mistral.Calls.Last().Body, StringComparison.Ordinal);
        Assert.DoesNotContain("timestamp_granularities", mistral.Calls.Last().Body, StringComparison.Ordinal);

        // What the caller asks for is used instead of a default.
        (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", Tape, ("model", slug), ("timestamp_granularities[]", "word"))).Ok();
        Assert.Contains("name=timestamp_granularities\r\n\r\nword", mistral.Calls.Last().Body, StringComparison.Ordinal);
        Assert.DoesNotContain("name=language", mistral.Calls.Last().Body, StringComparison.Ordinal);
    }
}
