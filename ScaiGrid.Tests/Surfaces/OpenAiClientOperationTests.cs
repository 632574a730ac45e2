using System.ClientModel;
using System.Text;
using OpenAI;
using OpenAI.Audio;
using OpenAI.Embeddings;
using OpenAI.Images;
using OpenAI.Moderations;
using OpenAI.Responses;
using ScaiGrid.Tests.Support;
using Xunit;

#pragma warning disable OPENAI001 // The library marks its Responses API as experimental.

namespace ScaiGrid.Tests.Surfaces;

/// <summary>OpenAI's own .NET client with the operations of <c>/oai/v1</c> other than chat.</summary>
public sealed class OpenAiClientOperationTests(Grid grid) : GridTest(grid)
{
    private OpenAIClient Client => new(new ApiKeyCredential(Admin.Key!), new OpenAIClientOptions { Endpoint = Endpoint });

    private Uri Endpoint => new(Admin.BaseAddress, "/oai/v1");

    [Fact]
    public async Task Embeddings_Work()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "embedding" });
        OpenAIEmbeddingCollection answer = await Client.GetEmbeddingClient(slug).GenerateEmbeddingsAsync(["one", "two"]);
        Assert.Equal(2, answer.Count);
        Assert.Equal(FakeOperations.Vector, answer[1].ToFloats().ToArray());
        Assert.Equal(11, answer.Usage.InputTokenCount);
    }

    [Fact]
    public async Task Images_Work()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "image" });
        var client = Client.GetImageClient(slug);
        GeneratedImage inline = await client.GenerateImageAsync("a dot", new ImageGenerationOptions { ResponseFormat = GeneratedImageFormat.Bytes });
        Assert.Equal(FakeOperations.Png, inline.ImageBytes.ToArray());
        GeneratedImage linked = await client.GenerateImageAsync("a dot", new ImageGenerationOptions { ResponseFormat = GeneratedImageFormat.Uri });
        Assert.Equal(FakeOperations.Png, await Admin.Http.GetByteArrayAsync(linked.ImageUri));
    }

    [Fact]
    public async Task Speech_Works()
    {
        var slug = await ConnectAsync(new UpstreamScript { Bytes = [[1, 2], [3]], ContentType = "audio/mpeg" }, modelFields: new { modality = "audio" });
        BinaryData audio = await Client.GetAudioClient(slug).GenerateSpeechAsync("say this", GeneratedSpeechVoice.Alloy);
        Assert.Equal([1, 2, 3], audio.ToArray());
    }

    [Fact]
    public async Task Transcription_Works()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { modality = "audio" });
        using var tape = new MemoryStream(Encoding.ASCII.GetBytes("a tape"));
        AudioTranscription answer = await Client.GetAudioClient(slug).TranscribeAudioAsync(tape, "tape.wav");
        Assert.Equal("hello from the tape", answer.Text);
    }

    [Fact]
    public async Task Moderation_Works()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        ModerationResult answer = await Client.GetModerationClient(slug).ClassifyTextAsync("x");
        Assert.True(answer.Flagged);
    }

    [Fact]
    public async Task Responses_Work()
    {
        var client = new ResponsesClient(new ApiKeyCredential(Admin.Key!), new ResponsesClientOptions { Endpoint = Endpoint });
        ResponseResult whole = await client.CreateResponseAsync("scailabs/echo", "one two three");
        Assert.Equal("one two three", whole.GetOutputText());
        Assert.Equal(3, whole.Usage.OutputTokenCount);

        var text = new StringBuilder();
        ResponseResult? last = null;
        await foreach (var update in await client.CreateResponseStreamingAsync("scailabs/echo", "one two three"))
        {
            text.Append((update as StreamingResponseOutputTextDeltaUpdate)?.Delta);
            last = (update as StreamingResponseCompletedUpdate)?.Response ?? last;
        }

        Assert.Equal("one two three", text.ToString());
        Assert.Equal("one two three", last!.GetOutputText());
    }
}
