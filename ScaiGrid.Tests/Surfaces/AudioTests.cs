using System.Net;
using System.Net.Http.Headers;
using System.Text;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Transcription and speech synthesis on both HTTP surfaces.</summary>
public sealed class AudioTests(Grid grid) : GridTest(grid)
{
    private const string Transcribe = "/v1/inference/audio/transcribe";
    private const string Transcriptions = "/oai/v1/audio/transcriptions";
    private const string Synthesize = "/v1/inference/audio/synthesize";
    private const string Speech = "/oai/v1/audio/speech";

    private static readonly object Audio = new { modality = "audio", audio_price_per_minute = "0.006" };
    private static readonly byte[] Tape = Encoding.ASCII.GetBytes("a tape");

    [Fact]
    public async Task Transcript_IsUnderData_OrOpenAis()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Audio);
        var data = (await Admin.TranscribeAsync(Transcribe, Tape, ("model", slug))).Ok();
        Assert.Equal("hello from the tape", (string?)data["text"]);
        Assert.Equal(slug, (string?)data["model"]);
        Assert.StartsWith("be_", (string?)data["routing"]!["backend_id"], StringComparison.Ordinal);
        Assert.Equal("hello from the tape", (string?)(await Admin.TranscribeAsync(Transcriptions, Tape, ("model", slug))).Body()["text"]);
        var text = await Admin.TranscribeAsync(Transcriptions, Tape, ("model", slug), ("response_format", "text"));
        Assert.Equal("hello from the tape\n", text.Text);
        Assert.StartsWith("text/plain", text.Headers["Content-Type"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task UpstreamGetsTheForm_UnderItsOwnModelName()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "audio", default_params = new { language = "nl" } });
        (await Admin.TranscribeAsync(Transcribe, Tape, ("model", slug), ("response_format", "text"), ("temperature", "0.2"), ("hotwords", "grid"))).Ok();
        Assert.Equal(
            $"model={upstreamModel};response_format=json;temperature=0.2;hotwords=grid;language=nl;file=tape.wav:audio/wav:6",
            Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body);
    }

    [Theory]
    [InlineData("srt", "1\n00:00:00,000 --> 00:01:30,000\nhello\n", "application/x-subrip")]
    [InlineData("vtt", "WEBVTT\n\n00:00.000 --> 01:30.000\nhello\n", "text/vtt")]
    public async Task Subtitles_GoThrough(string format, string subtitles, string contentType)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = subtitles, ContentType = "text/plain" }, modelFields: Audio);
        var answer = await Admin.TranscribeAsync(Transcriptions, Tape, ("model", slug), ("response_format", format));
        Assert.Equal(subtitles, answer.Text);
        Assert.StartsWith(contentType, answer.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.Equal(subtitles, (string?)(await Admin.TranscribeAsync(Transcribe, Tape, ("model", slug), ("response_format", format))).Ok()["text"]);
        Assert.All(await Admin.UsageAsync(slug, 2), row => Assert.Equal("0.009", (string?)row["cost"]));
    }

    [Theory]
    [InlineData("""{"text":"x","usage":{"type":"duration","seconds":90}}""", "0.009")]
    [InlineData("""{"text":"x","duration":30.0,"segments":[]}""", "0.003")]
    [InlineData("""{"text":"x","duration":"30"}""", "0.003")]
    [InlineData("""{"text":"x","usage":{"type":"tokens","input_tokens":10,"output_tokens":5,"total_tokens":15}}""", "0.00022")]
    [InlineData("""{"text":"x","duration":30,"usage":{"type":"tokens","input_tokens":10,"output_tokens":5,"total_tokens":15}}""", "0.00302")]
    [InlineData("""{"text":"x"}""", "0.0002")]
    public async Task Audio_IsBilledByWhatIsKnownOfIt(string answer, string cost)
    {
        // If the response has no duration, the length from the header is used: two seconds.
        var slug = await ConnectAsync(new UpstreamScript { Body = answer }, modelFields: Audio);
        (await Admin.TranscribeAsync(Transcribe, Wave(), ("model", slug), ("response_format", "verbose_json"))).Ok();
        Assert.Equal(cost, (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["cost"]);
    }

    [Theory]
    [InlineData(1, 2, "0.0002")]
    [InlineData(0x55, 4, "0.0004")]
    public async Task LengthOfARecording_IsNotItsSendersToChoose(short coding, int seconds, string cost)
    {
        // The header's byte rate is forged. The length of plain samples is computed without it, as decoders do. For other codings no field of the header is
        // reliable, so 128 kbit/s are assumed.
        var wave = Wave();
        BitConverter.TryWriteBytes(wave.AsSpan(20), coding);
        BitConverter.TryWriteBytes(wave.AsSpan(28), uint.MaxValue);
        var slug = await ConnectAsync(new UpstreamScript { Body = """{"text":"x"}""" }, modelFields: Audio);
        (await Admin.TranscribeAsync(Transcribe, wave, ("model", slug))).Ok();
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.True(cost == (string?)row["cost"], $"{row["cost"]} for {seconds} seconds");
    }

    /// <summary>As 32-bit numbers, these sizes plus the chunk's header are 0: the parser would read the same chunk forever.</summary>
    [Theory]
    [InlineData(0xFFFFFFF8)]
    [InlineData(0xFFFFFFF7)]
    public async Task RecordingWithAChunkOfAnySize_IsRead(uint size)
    {
        var wave = new byte[46];
        "RIFF????WAVEjunk"u8.CopyTo(wave);
        BitConverter.TryWriteBytes(wave.AsSpan(16), size);
        var slug = await ConnectAsync(new UpstreamScript { Body = """{"text":"x"}""" }, modelFields: Audio);
        (await Admin.TranscribeAsync(Transcribe, wave, ("model", slug))).Ok();
    }

    [Fact]
    public async Task TokensOfATranscript_AreNoEstimate_WhereNoMinuteHasAPrice()
    {
        const string Body = """{"text":"x","usage":{"type":"tokens","input_tokens":10,"output_tokens":5,"total_tokens":15}}""";
        var byTokens = await ConnectAsync(new UpstreamScript { Body = Body }, modelFields: new { modality = "audio" });
        var byBoth = await ConnectAsync(new UpstreamScript { Body = Body }, modelFields: Audio);
        (await Admin.TranscribeAsync(Transcribe, Tape, ("model", byTokens))).Ok();
        (await Admin.TranscribeAsync(Transcribe, Tape, ("model", byBoth))).Ok();
        Assert.False((bool)Assert.Single(await Admin.UsageAsync(byTokens, 1))["estimated"]!);
        Assert.True((bool)Assert.Single(await Admin.UsageAsync(byBoth, 1))["estimated"]!);
    }

    [Theory]
    [InlineData("srt", "1\r\n00:00:00,000 --> 00:01:30,000\r\nhello world\r\n", 901)]
    [InlineData("vtt", "WEBVTT\n\n00:00.000 --> 01:30.000\nhello world\n", 901)]
    [InlineData("json", """{"text":"hello world","usage":{"type":"duration","seconds":90}}""", 901)]
    [InlineData("json", """{"text":"hello world"}""", 21)]
    public async Task Tokens_AreCounted_WhereOnlyTheyHaveAPrice(string format, string answer, int input)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = answer, ContentType = "text/plain" }, modelFields: new { modality = "audio" });
        (await Admin.TranscribeAsync(Transcribe, Wave(), ("model", slug), ("response_format", format))).Ok();
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal((input, 2, true), ((int)row["tokens_in"]!, (int)row["tokens_out"]!, (bool)row["estimated"]!));
    }

    [Fact]
    public async Task TranscriptThatEndsInHalfASurrogatePair_IsPassedOn()
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = """{"text":"cut \ud83d","model":"whisper"}""" }, modelFields: Audio);
        foreach (var path in (string[])[Transcribe, Transcriptions])
        {
            var answer = await Admin.TranscribeAsync(path, Tape, ("model", slug));
            Assert.Equal(HttpStatusCode.OK, answer.Status);
            Assert.Contains("\"text\":\"cut \\ud83d\"", answer.Text, StringComparison.Ordinal);
            Assert.Contains(slug, answer.Text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("response_format", "json", "srt")]
    [InlineData("stream", "false", "true")]
    [InlineData("hotwords", "grid", "grid")]
    public async Task FieldThatIsThereTwice_IsRefused(string name, string first, string second)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: Audio);
        (string, string)[] fields = [("model", slug), (name, first), (name, second)];
        var error = (await Admin.TranscribeAsync(Transcribe, Tape, fields)).Error(422, "VALIDATION_ERROR");
        Assert.Equal((name, "appears twice."), ((string?)error["details"]![0]!["field"], (string?)error["details"]![0]!["message"]));
        Assert.Equal(name, (string?)(await Admin.TranscribeAsync(Transcriptions, Tape, fields)).OpenAiError(400, "validation_error")["param"]);
        Assert.Empty(Grid.Upstream.CallsOf(upstreamModel));
    }

    [Fact]
    public async Task SecondRecording_IsRefused()
    {
        var file = Part("name=\"file\"; filename=\"tape.wav\"", "a tape");
        var error = (await Admin.SendAsync(HttpMethod.Post, Transcribe, Part("name=\"model\"", "m") + file + file + "--x--\r\n", "multipart/form-data; boundary=x")).Error(422, "VALIDATION_ERROR");
        Assert.Equal("file", (string?)error["details"]![0]!["field"]);
    }

    [Fact]
    public async Task Lists_MayHaveManyValues_AndWhatIsEmptyIsNotThere()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "audio", default_params = new { language = "nl" } });
        const string List = "timestamp_granularities[]";
        (await Admin.TranscribeAsync(Transcribe, Tape, ("model", slug), ("language", ""), ("stream", ""), ("response_format", "verbose_json"), (List, "word"), (List, "segment"))).Ok();
        Assert.Equal(
            $"model={upstreamModel};response_format=verbose_json;{List}=word,segment;language=nl;file=tape.wav:audio/wav:6",
            Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body);
    }

    [Theory]
    [InlineData("a\"b")]
    [InlineData("a\r\nb")]
    [InlineData(" ")]
    public async Task DefaultThatNoFormCanHold_IsRefused(string name)
    {
        var defaults = new Dictionary<string, object> { [name] = "x", ["language"] = "nl" };
        var error = (await Admin.PostAsync("/v1/models", new { slug = "test/defaults", display_name = "x", modality = "audio", default_params = defaults })).Error(422, "VALIDATION_ERROR");
        Assert.Equal($"default_params.{name}", (string?)error["details"]![0]!["field"]);

        // Nor may a chat model with such defaults become one of audio.
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { default_params = defaults });
        var id = (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
        error = (await Admin.PutAsync($"/v1/models/{id}", new { modality = "audio" })).Error(422, "VALIDATION_ERROR");
        Assert.Equal($"default_params.{name}", (string?)error["details"]![0]!["field"]);
    }

    [Fact]
    public async Task LargeRecording_IsSentWhole_AndAgainToTheNextBackend()
    {
        var tape = new byte[24 * 1024 * 1024];
        var bad = await ConnectAsync(new UpstreamScript { Status = 500 }, out var badModel, modelFields: Audio);
        var good = await ConnectAsync(new UpstreamScript(), out var goodModel, modelFields: Audio);
        var model = (string)(await Admin.GetAsync($"/v1/models/{good}")).Ok()["id"]!;
        var (first, second) = (await BackendOfAsync(bad), await BackendOfAsync(good));
        (await Admin.PutAsync(
            $"/v1/models/{model}/routing",
            new { targets = new[] { new { backend_id = first, weight = 1, priority = 0 }, new { backend_id = second, weight = 1, priority = 1 } } })).Ok();
        var data = (await Admin.TranscribeAsync(Transcribe, tape, ("model", good))).Ok();
        Assert.Equal(2, (int)data["routing"]!["attempts"]!);
        Assert.EndsWith($":{tape.Length}", Assert.Single(Grid.Upstream.CallsOf(badModel)).Body, StringComparison.Ordinal);
        Assert.EndsWith($":{tape.Length}", Assert.Single(Grid.Upstream.CallsOf(goodModel)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RecordingBeyondTheLimit_Is413()
    {
        var tape = new byte[(25 * 1024 * 1024) + 1];
        (await Admin.TranscribeAsync(Transcribe, tape, ("model", "m"))).Error(413, "PAYLOAD_TOO_LARGE");
        (await Admin.TranscribeAsync(Transcriptions, tape, ("model", "m"))).OpenAiError(413, "payload_too_large");
    }

    [Fact]
    public async Task BadForm_IsRefused()
    {
        (await Admin.SendAsync(HttpMethod.Post, Transcribe, "{}")).Error(415, "UNSUPPORTED_MEDIA_TYPE");
        (await Admin.SendAsync(HttpMethod.Post, Transcribe, "--x\r\nnonsense", "multipart/form-data; boundary=x")).Error(400, "BAD_REQUEST");
        var missing = (await Admin.TranscribeAsync(Transcribe, null, ("temperature", "7"), ("response_format", "wav"))).Error(422, "VALIDATION_ERROR");
        Assert.Equal(["model", "response_format", "file", "temperature"], missing["details"]!.AsArray().Select(detail => (string?)detail!["field"]));
        (await Admin.TranscribeAsync(Transcribe, Tape, ("model", "scailabs/echo"))).Error(422, "VALIDATION_ERROR");
        (await Admin.TranscribeAsync(Transcriptions, Tape, ("model", "no/such"))).OpenAiError(404, "model_not_found");
    }

    [Theory]
    [InlineData("filename=\"a \\\"b\\\".mp3\"", "a _b_.mp3")]
    [InlineData("filename=\"a\\\\\"", "a_")]
    [InlineData("filename=\"audio/\"", "audio")]
    [InlineData("filename=\" \"", "audio")]
    [InlineData("filename*=UTF-8''%D0%B7%D0%B0.mp3", "__.mp3")]
    [InlineData("filename=\"x\"; filename*=UTF-8''a%20b.mp3", "a b.mp3")]
    public async Task OddNameOfARecording_IsMadeOneThatAFormCanHold(string given, string sent)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: Audio);
        var form = Part("name=\"model\"", slug) + Part($"name=\"file\"; {given}", "a tape") + "--x--\r\n";
        (await Admin.SendAsync(HttpMethod.Post, Transcribe, form, "multipart/form-data; boundary=x")).Ok();
        Assert.Contains($"file={sent}:", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("name=\"\"")]
    [InlineData("name=\" \"")]
    [InlineData("name=\"a\\\"b\"")]
    [InlineData("name=\"a\\\\\"")]
    [InlineData("x=\"y\"")]
    public async Task FieldWithoutAName_OrWithOneThatNoFormCanHold_IsRefused(string disposition)
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Audio);
        var form = Part("name=\"model\"", slug) + Part(disposition, "x") + Part("name=\"file\"; filename=\"tape.wav\"", "a tape") + "--x--\r\n";
        (await Admin.SendAsync(HttpMethod.Post, Transcribe, form, "multipart/form-data; boundary=x")).Error(400, "BAD_REQUEST");
    }

    [Fact]
    public async Task Speech_ComesAsTheUpstreamSendsIt()
    {
        var slug = await ConnectAsync(
            new UpstreamScript { Bytes = [[1, 2], [3], [4, 5]], ContentType = "audio/mpeg", ChunkDelay = TimeSpan.FromMilliseconds(1500) },
            out var upstreamModel,
            modelFields: Audio);
        using var request = Post(Speech, $$"""{"model":"{{slug}}","input":"say this","voice":"alloy","speed":2}""");
        using var response = await Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("audio/mpeg", response.Content.Headers.ContentType!.ToString());
        await using var audio = await response.Content.ReadAsStreamAsync();

        // The first bytes are passed on before the rest has arrived.
        var buffer = new byte[16];
        var first = await audio.ReadAsync(buffer);
        Assert.InRange(first, 1, 4);
        var rest = new MemoryStream();
        await audio.CopyToAsync(rest);
        Assert.Equal([1, 2, 3, 4, 5], [.. buffer[..first], .. rest.ToArray()]);
        Assert.Contains("\"voice\":\"alloy\"", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
        Assert.Equal(2, (int)Assert.Single(await Admin.UsageAsync(slug, 1))["tokens_in"]!);
    }

    [Fact]
    public async Task SpeechThatBreaks_IsCut_AndBilled()
    {
        var slug = await ConnectAsync(new UpstreamScript { Bytes = [[1, 2], [3]], ContentType = "audio/mpeg", CutAfter = 1 }, modelFields: Audio);
        using var request = Post(Synthesize, $$"""{"model":"{{slug}}","input":"say this"}""");
        using var response = await Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await Assert.ThrowsAnyAsync<Exception>(() => response.Content.ReadAsByteArrayAsync());
        Assert.Single(await Admin.UsageAsync(slug, 1));
    }

    [Fact]
    public async Task SpeechThatIsNone_IsAnError()
    {
        var page = await ConnectAsync(new UpstreamScript { Body = "<script>", ContentType = "text/html" }, modelFields: Audio);
        (await Admin.PostAsync(Synthesize, new { model = page, input = "x" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        var limited = await ConnectAsync(new UpstreamScript { Status = 429 }, modelFields: Audio);
        (await Admin.PostAsync(Speech, new { model = limited, input = "x" })).OpenAiError(429, "backend_rate_limited");
        var error = (await Admin.PostAsync(Synthesize, new { model = "m", input = "", speed = 9 })).Error(422, "VALIDATION_ERROR");
        Assert.Equal("speed", (string?)error["details"]![0]!["field"]);
    }

    private async Task<string> BackendOfAsync(string slug)
    {
        var model = (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
        return (string)(await Admin.GetAsync($"/v1/models/{model}/routing")).Ok()["targets"]![0]!["backend_id"]!;
    }

    /// <summary>A recording of two seconds of silence.</summary>
    private static byte[] Wave() => WaveFile.Of(new byte[64_000 - 44], 16_000);

    private static string Part(string disposition, string content) => $"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n";

    private static HttpRequestMessage Post(string path, string json) =>
        new(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json")) };
}
