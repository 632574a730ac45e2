using System.Net;
using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The formats of transcripts: what is asked for, what is accepted from upstreams, and what is not.</summary>
public sealed class TranscriptTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/audio/transcribe";
    private const string OpenAi = "/oai/v1/audio/transcriptions";
    private const string Diarized = """{"task":"transcribe","text":"Hi.","segments":[{"type":"transcript.text.segment","id":"seg_001","start":0.0,"end":1.5,"text":"Hi.","speaker":"A"}],"usage":{"type":"duration","seconds":90}}""";

    private static readonly object Audio = new { modality = "audio", audio_price_per_minute = "0.006" };
    private static readonly byte[] Tape = Encoding.ASCII.GetBytes("a tape");

    [Theory]
    [InlineData("json", "{\"text\":\"\u00e9\"}")]
    [InlineData("text", "{\"text\":\"\u00e9\"}")]
    [InlineData("verbose_json", "{\"text\":\"a\",\"language\":\"\u00e9\"}")]
    public async Task AnswerThatIsNotUtf8_IsAMismatch(string format, string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Bytes = [Encoding.Latin1.GetBytes(answer)] }, modelFields: Audio);
        (await Admin.TranscribeAsync(Native, Tape, ("model", slug), ("response_format", format))).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        (await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug), ("response_format", format))).OpenAiError(502, "upstream_shape_mismatch");
    }

    /// <summary>whisper.cpp may cut a character in two.</summary>
    [Theory]
    [InlineData("srt", "1\n00:00:00,000 --> 00:00:01,000\na\u00e9\n")]
    [InlineData("vtt", "\n\nWEBVTT\n\n00:00.000 --> 00:01.000\na\u00e9\n")]
    public async Task BrokenCharacterOfSubtitles_IsReplaced(string format, string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Bytes = [Encoding.Latin1.GetBytes(answer)] }, modelFields: Audio);
        var expected = answer.Replace('\u00e9', '\ufffd');
        Assert.Equal(expected, (string?)(await Admin.TranscribeAsync(Native, Tape, ("model", slug), ("response_format", format))).Ok()["text"]);
        Assert.Equal(expected, (await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug), ("response_format", format))).Text);
    }

    [Theory]
    [InlineData("""{"\ud83d":1,"text":"a"}""")]
    [InlineData("""{"text":"a","mo\ud83d":1}""")]
    public async Task NameWithHalfACharacter_IsAMismatch(string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = answer }, modelFields: Audio);
        (await Admin.TranscribeAsync(Native, Tape, ("model", slug))).Error(502, "UPSTREAM_SHAPE_MISMATCH");
        (await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug))).OpenAiError(502, "upstream_shape_mismatch");
    }

    [Theory]
    [InlineData("vtt", "<html><!-- 00:00.000 --> 00:01.000 --></html>")]
    [InlineData("vtt", """{"text":"hello"}""")]
    [InlineData("srt", "<html><!-- The gate --></html>")]
    [InlineData("srt", """{"text":"hello"}""")]
    public async Task AnswerThatIsNoSubtitles_IsAMismatch_AndIsNotBilled(string format, string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = answer, ContentType = "text/plain" }, out var upstreamModel, modelFields: Audio);
        (await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug), ("response_format", format))).OpenAiError(502, "upstream_shape_mismatch");

        // The next call's usage is the only one.
        Grid.Upstream.Play(upstreamModel, new UpstreamScript { Body = format == "vtt" ? "WEBVTT\n\n" : " \n", ContentType = "text/plain" });
        Assert.Equal(HttpStatusCode.OK, (await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug), ("response_format", format))).Status);
        Assert.Equal("ok", (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["status"]);
    }

    /// <summary>A recording in which nobody speaks.</summary>
    [Theory]
    [InlineData("srt", "")]
    [InlineData("vtt", "")]
    [InlineData("vtt", "\ufeffWEBVTT\n")]
    public async Task SubtitlesOfNoSpeech_AreAnAnswer(string format, string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = answer, ContentType = "text/plain" }, modelFields: Audio);
        Assert.Equal(answer.Trim('\ufeff'), (string?)(await Admin.TranscribeAsync(Native, Tape, ("model", slug), ("response_format", format))).Ok()["text"]);
    }

    [Theory]
    [InlineData("text", "json", """{"text":"hello"}""", "text/plain", "hello\n", "hello")]
    [InlineData("json", "json", """{"text":"hello"}""", "application/json", """{"text":"hello"}""", "hello")]
    [InlineData("srt", "srt", "1\n00:00:00,000 --> 00:01:30,000\nhello\n", "application/x-subrip", "1\n00:00:00,000 --> 00:01:30,000\nhello\n", "1\n00:00:00,000 --> 00:01:30,000\nhello\n")]
    [InlineData("verbose_json", "verbose_json", """{"text":"hello","duration":90}""", "application/json", """{"text":"hello","duration":90}""", "hello")]
    public async Task FormatThatIsTheModelsDefault_IsAskedFor_Metered_AndAnswered(string format, string sent, string answer, string contentType, string body, string text)
    {
        var slug = await ConnectAsync(
            new UpstreamScript { Body = answer, ContentType = "text/plain" },
            out var upstreamModel,
            modelFields: new { modality = "audio", audio_price_per_minute = "0.006", default_params = new { response_format = format } });
        var openAi = await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug));
        Assert.Equal((HttpStatusCode.OK, body), (openAi.Status, openAi.Text));
        Assert.StartsWith(contentType, openAi.Headers["Content-Type"], StringComparison.Ordinal);
        Assert.Equal(text, (string?)(await Admin.TranscribeAsync(Native, Tape, ("model", slug))).Ok()["text"]);
        Assert.All(Grid.Upstream.CallsOf(upstreamModel), call => Assert.Contains($"response_format={sent};", call.Body, StringComparison.Ordinal));

        // The caller's format is used instead of it.
        Grid.Upstream.Play(upstreamModel, new UpstreamScript());
        Assert.Equal("hello from the tape", (string?)(await Admin.TranscribeAsync(OpenAi, Tape, ("model", slug), ("response_format", "json"))).Body()["text"]);
    }

    /// <summary>The model also speaks, and the default is for that.</summary>
    [Fact]
    public async Task DefaultFormatOfSpeech_IsNotAskedFor()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "audio", default_params = new { response_format = "wav" } });
        (await Admin.TranscribeAsync(Native, Tape, ("model", slug))).Ok();
        Assert.DoesNotContain("response_format", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Speakers_AreTold()
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = Diarized }, out var upstreamModel, modelFields: Audio);
        const string References = "known_speaker_references[]";
        var voice = $"data:audio/wav;base64,{new string('A', 700_000)}";
        var answer = (await Admin.TranscribeAsync(
            OpenAi, Tape, ("model", slug), ("response_format", "diarized_json"), ("known_speaker_names[]", "agent"), (References, voice))).Body();
        Assert.Equal("A", (string?)answer["segments"]![0]!["speaker"]);
        Assert.Contains($"response_format=diarized_json;known_speaker_names[]=agent;{References}={voice};", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
        Assert.Equal("A", (string?)(await Admin.TranscribeAsync(Native, Tape, ("model", slug), ("response_format", "diarized_json"))).Ok()["segments"]![0]!["speaker"]);
        Assert.All(await Admin.UsageAsync(slug, 2), row => Assert.Equal("0.009", (string?)row["cost"]));
    }

    [Fact]
    public async Task LargeRecordingWithVoices_IsTaken()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Audio);
        var voice = ("known_speaker_references[]", new string('A', 1024 * 1024));
        var recording = new byte[25 * 1024 * 1024];
        (await Admin.TranscribeAsync(Native, recording, ("model", slug), voice, voice, voice, voice)).Ok();
        var error = (await Admin.TranscribeAsync(Native, [.. recording, 0], ("model", slug))).Error(413, "PAYLOAD_TOO_LARGE");
        Assert.Equal("The recording is larger than 25 MB.", (string?)error["message"]);
    }

    [Theory]
    [InlineData("known_speaker_references[]", 1_048_577, 1, "must be at most 1048576 bytes.")]
    [InlineData("known_speaker_references[]", 1, 5, "can be given at most 4 times.")]
    [InlineData("known_speaker_names[]", 65_537, 1, "must be at most 65536 bytes.")]
    public async Task VoicesOfSpeakers_HaveBounds(string name, int length, int times, string message)
    {
        var fields = Enumerable.Repeat((name, new string('A', length)), times).Prepend(("model", "m"));
        var error = (await Admin.TranscribeAsync(Native, Tape, [.. fields])).Error(422, "VALIDATION_ERROR");
        Assert.Equal((name, message), ((string?)error["details"]![0]!["field"], (string?)error["details"]![0]!["message"]));
    }

    [Fact]
    public async Task SpeakersAtAnUpstreamThatCannotTellThem_AreRefused()
    {
        foreach (var type in (string[])["mistral", "qwen"])
        {
            await using var vendor = await FakeVendor.StartAsync();
            var slug = await vendor.ConnectAsync(Admin, type, "audio");
            var error = (await Admin.TranscribeAsync(Native, Tape, ("model", slug), ("response_format", "diarized_json"))).Error(422, "VALIDATION_ERROR");
            Assert.Equal("response_format", (string?)error["details"]![0]!["field"]);
            Assert.Empty(vendor.Calls);
        }
    }

    [Theory]
    [InlineData("timestamp_granularities[]")]
    [InlineData("timestamp_granularities")]
    public async Task TimesOfAnotherKind_AreRefused(string name)
    {
        var error = (await Admin.TranscribeAsync(Native, Tape, ("model", "m"), (name, "sentence"))).Error(422, "VALIDATION_ERROR");
        Assert.Equal(name, (string?)error["details"]![0]!["field"]);
        Assert.Equal(name, (string?)(await Admin.TranscribeAsync(OpenAi, Tape, ("model", "m"), (name, "sentence"))).OpenAiError(400, "validation_error")["param"]);
    }
}
