using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Every operation reports the backend, the number of attempts, and the time that the gateway itself took.</summary>
public sealed class RoutingShownTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("/v1/inference/chat", "chat", """{"messages":[{"role":"user","content":"hi"}]}""", "data")]
    [InlineData("/v1/inference/chat", "chat", """{"stream":true,"messages":[{"role":"user","content":"hi"}]}""", "stream")]
    [InlineData("/oai/v1/chat/completions", "chat", """{"messages":[{"role":"user","content":"hi"}]}""", null)]
    [InlineData("/oai/v1/chat/completions", "chat", """{"stream":true,"messages":[{"role":"user","content":"hi"}]}""", null)]
    [InlineData("/v1/inference/generate", "chat", """{"prompt":"hi"}""", "data")]
    [InlineData("/v1/inference/generate", "chat", """{"stream":true,"prompt":"hi"}""", "stream")]
    [InlineData("/oai/v1/completions", "chat", """{"prompt":"hi"}""", null)]
    [InlineData("/oai/v1/responses", "chat", """{"input":"hi"}""", null)]
    [InlineData("/oai/v1/responses", "chat", """{"stream":true,"input":"hi"}""", null)]
    [InlineData("/oai/v1/moderations", "chat", """{"input":"hi"}""", null)]
    [InlineData("/v1/inference/embed", "embedding", """{"input":"hi"}""", "data")]
    [InlineData("/oai/v1/embeddings", "embedding", """{"input":"hi"}""", null)]
    [InlineData("/v1/inference/images/generate", "image", """{"prompt":"hi"}""", "data")]
    [InlineData("/oai/v1/images/generations", "image", """{"prompt":"hi"}""", null)]
    [InlineData("/v1/inference/audio/synthesize", "audio", """{"input":"hi"}""", null)]
    [InlineData("/oai/v1/audio/speech", "audio", """{"input":"hi"}""", null)]
    [InlineData("/v1/inference/audio/transcribe", "audio", null, "data")]
    [InlineData("/oai/v1/audio/transcriptions", "audio", null, null)]
    public async Task AnswerAfterAFailure_NamesTheBackendAndTheAttempts(string path, string modality, string? request, string? field)
    {
        var isSpeech = path.EndsWith("speech", StringComparison.Ordinal) || path.EndsWith("synthesize", StringComparison.Ordinal);
        var good = isSpeech ? new UpstreamScript { Bytes = [[1], [2]], ContentType = "audio/mpeg" } : new UpstreamScript();
        var model = await RoutedModel.CreateAsync(Admin, [Script(new UpstreamScript { Status = 500 }), Script(good) with { Priority = 1 }], modality: modality);
        Answer answer;
        if (request is null)
        {
            answer = await Admin.TranscribeAsync(path, [1, 2, 3], ("model", model.Slug));
        }
        else
        {
            var body = JsonNode.Parse(request)!;
            body["model"] = model.Slug;
            answer = await Admin.SendAsync(HttpMethod.Post, path, body.ToJsonString());
        }

        Assert.True((int)answer.Status == 200, answer.Text);
        Assert.Equal((model.Backends[1], "2"), (answer.Headers["X-Scaigrid-Backend"], answer.Headers["X-Scaigrid-Attempts"]));
        Assert.True(double.Parse(answer.Headers["X-Scaigrid-Gateway-Ms"], CultureInfo.InvariantCulture) >= 0);
        if (field is null)
        {
            return;
        }

        var routing = field == "data" ? JsonNode.Parse(answer.Text)!["data"]!["routing"]! : LastEvent(answer.Text)["routing"]!;
        Assert.Equal((model.Backends[1], 2), ((string?)routing["backend_id"], (int)routing["attempts"]!));
        Assert.Equal((model.Backends[0], "server_error"), ((string?)routing["failed_attempts"]![0]!["backend_id"], (string?)routing["failed_attempts"]![0]!["outcome"]));
        Assert.True((long)routing["latency_ms"]! >= 0, routing.ToJsonString());

        // The same value as in the header.
        Assert.Equal(double.Parse(answer.Headers["X-Scaigrid-Gateway-Ms"], CultureInfo.InvariantCulture), (double)routing["gateway_ms"]!, tolerance: 0.002);
    }

    [Theory]
    [InlineData("/v1/inference/chat", "chat", """{"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("/v1/inference/chat", "chat", """{"stream":true,"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("/oai/v1/chat/completions", "chat", """{"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("/oai/v1/responses", "chat", """{"input":"hi"}""")]
    [InlineData("/v1/inference/embed", "embedding", """{"input":"hi"}""")]
    [InlineData("/oai/v1/audio/speech", "audio", """{"input":"hi"}""")]
    [InlineData("/v1/inference/audio/transcribe", "audio", null)]
    public async Task ErrorAfterAttempts_SaysHowManyAndWhichWasTheLast(string path, string modality, string? request)
    {
        var model = await RoutedModel.CreateAsync(
            Admin, [Script(new UpstreamScript { Status = 500 }), Script(new UpstreamScript { Status = 401, Delay = TimeSpan.FromSeconds(1) }) with { Priority = 1 }], modality: modality);
        var body = request is null ? null : JsonNode.Parse(request)!;
        body?["model"] = model.Slug;
        var sentAt = Stopwatch.GetTimestamp();
        var answer = body is null
            ? await Admin.TranscribeAsync(path, [1, 2, 3], ("model", model.Slug))
            : await Admin.SendAsync(HttpMethod.Post, path, body.ToJsonString());
        Assert.True((int)answer.Status == 502, answer.Text);
        Assert.Equal((model.Backends[1], "2"), (answer.Headers["X-Scaigrid-Backend"], answer.Headers["X-Scaigrid-Attempts"]));

        // The upstream delays chats by one second, which does not count as the gateway's time.
        var took = Stopwatch.GetElapsedTime(sentAt).TotalMilliseconds;
        Assert.InRange(double.Parse(answer.Headers["X-Scaigrid-Gateway-Ms"], CultureInfo.InvariantCulture), 0, modality == "chat" ? took - 900 : took);
    }

    [Fact]
    public async Task ErrorWithoutAnAttempt_SaysNothingOfOne()
    {
        var answer = await Admin.ChatAsync("no/such-model");
        answer.Error(404, "MODEL_NOT_FOUND");
        Assert.DoesNotContain(answer.Headers.Keys, name => name.StartsWith("X-Scaigrid-", StringComparison.OrdinalIgnoreCase));
    }

    private static JsonNode LastEvent(string stream) =>
        JsonNode.Parse(stream.Split("\n\n").Last(line => line.StartsWith("data: {", StringComparison.Ordinal))["data: ".Length..])!;

    private RoutedBackend Script(UpstreamScript script)
    {
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, script);
        return new RoutedBackend(Grid.Upstream.BaseUrl, model);
    }
}
