using System.Buffers.Binary;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The largest calls that callers may make, at upstreams that send every vector, and answers beyond what is read.</summary>
public sealed class LargeEmbeddingTests(Grid grid) : GridTest(grid)
{
    private const string OpenAi = "/oai/v1/embeddings";
    private const int Texts = 2048;
    private const int Dimensions = 3072;

    private static readonly float[] Vector = [.. Enumerable.Range(0, Dimensions).Select(index => MathF.Sin(index + 0.5f))];

    /// <summary>As numbers, these vectors would be larger than what is read of one answer.</summary>
    [Theory]
    [InlineData("float")]
    [InlineData("base64")]
    public async Task MostTextsOfTheLongestVectors_AreAnswered(string encoding)
    {
        await using var azure = await FakeVendor.StartAsync();
        azure.At("/openai/v1/embeddings", call =>
        {
            var body = JsonNode.Parse(call.Body)!;
            var vector = (string?)body["encoding_format"] == "base64" ? $"\"{Convert.ToBase64String(Packed())}\"" : $"[{Numbers(",")}]";
            return $$$"""{"object":"list","data":[{{{Items(vector, body["input"]!.AsArray().Count)}}}],"usage":{"prompt_tokens":2048,"total_tokens":2048}}""";
        });
        await CheckAsync(await azure.ConnectAsync(Admin, "azure", "embedding"), encoding);

        // A few texts are sent as the caller wrote the request.
        var slug = await azure.ConnectAsync(Admin, "azure", "embedding");
        Assert.Equal(200, (int)(await Admin.PostAsync(OpenAi, new { model = slug, input = new[] { "a", "b" } })).Status);
        Assert.Equal("""{"model":"their-model","input":["a","b"]}""", azure.Calls.Last().Json);
    }

    [Fact]
    public async Task MostTextsOfTheLongestVectors_AreAnsweredInSlices()
    {
        await using var google = await FakeVendor.StartAsync();

        // It puts each number on a line of its own.
        var vector = $$"""{"values":[{{Numbers(",\n        ")}}]}""";
        google.At(
            "/models/their-model:batchEmbedContents",
            call => $$"""{"embeddings":[{{string.Join(',', Enumerable.Repeat(vector, JsonNode.Parse(call.Body)!["requests"]!.AsArray().Count))}}]}""");
        await CheckAsync(await google.ConnectAsync(Admin, "google", "embedding"), "float");
    }

    [Theory]
    [InlineData("1e300")]
    [InlineData("null")]
    [InlineData("[1]")]
    public async Task SliceWithABrokenVector_IsAMismatch(string number)
    {
        await using var qwen = await FakeVendor.StartAsync();
        qwen.At("/embeddings", call => $$"""{"data":[{{Items($"[1,{number}]", JsonNode.Parse(call.Body)!["input"]!.AsArray().Count)}}]}""");
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding");
        foreach (var encoding in (string[])["float", "base64"])
        {
            (await Admin.PostAsync(OpenAi, new { model = slug, input = Enumerable.Repeat("text", 11), encoding_format = encoding })).OpenAiError(502, "upstream_shape_mismatch");
        }
    }

    /// <summary>The caller asked for too much of a server that knows numbers only: the backend is not ill, and another may write less.</summary>
    [Fact]
    public async Task AnswerForManyThatIsLargerThanWhatIsRead_IsTriedElsewhere_ElseIsTheCallersMatter()
    {
        var model = PlayTooMuch();
        var other = PlayTooMuch();
        var routed = await RoutedModel.CreateAsync(
            Admin, [new RoutedBackend(Grid.Upstream.BaseUrl, model), new RoutedBackend(Grid.Upstream.BaseUrl, other, Priority: 1)], modality: "embedding");
        for (var i = 0; i < 6; i++)
        {
            var error = (await Admin.PostAsync("/v1/inference/embed", new { model = routed.Slug, input = new[] { "a", "b" } })).Error(413, "PAYLOAD_TOO_LARGE");
            Assert.Contains("64 MiB", (string?)error["message"], StringComparison.Ordinal);
        }

        Assert.Equal("closed", await routed.StateAsync(0));
        Assert.Equal(6, Grid.Upstream.CallsOf(other).Count);
    }

    /// <summary>Unlike a target that cannot express the request, it has worked, and is paid.</summary>
    [Fact]
    public async Task AnswerForManyThatIsLargerThanWhatIsRead_CountsAsAnAttempt()
    {
        var other = PlayTooMuch();
        var routed = await RoutedModel.CreateAsync(
            Admin,
            [new RoutedBackend(Grid.Upstream.BaseUrl, PlayTooMuch()), new RoutedBackend(Grid.Upstream.BaseUrl, other, Priority: 1)],
            new { retry = new { max_attempts = 1 } },
            "embedding");
        (await Admin.PostAsync("/v1/inference/embed", new { model = routed.Slug, input = new[] { "a", "b" } })).Error(413, "PAYLOAD_TOO_LARGE");
        Assert.Empty(Grid.Upstream.CallsOf(other));
    }

    /// <summary>Nobody asked for that much.</summary>
    [Fact]
    public async Task AnswerForOneThatIsLargerThanWhatIsRead_IsAMismatch()
    {
        var routed = await RoutedModel.CreateAsync(Admin, [new RoutedBackend(Grid.Upstream.BaseUrl, PlayTooMuch())], modality: "embedding");
        (await Admin.PostAsync(OpenAi, new { model = routed.Slug, input = "a" })).OpenAiError(502, "upstream_shape_mismatch");
    }

    /// <summary>The caller asked for them, and the upstream made them.</summary>
    [Fact]
    public async Task PicturesThatAreLargerThanWhatIsRead_ArePaidFor()
    {
        var slug = await Admin.ConnectAsync(Grid.Upstream.BaseUrl, PlayTooMuch(), modelFields: new { modality = "image", image_price = "0.04" });
        (await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot", n = 3 })).Error(413, "PAYLOAD_TOO_LARGE");
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("error", "0.12", true), ((string?)row["status"], (string?)row["cost"], (bool)row["estimated"]!));
    }

    private string PlayTooMuch()
    {
        var block = new byte[1024 * 1024];
        block.AsSpan().Fill((byte)' ');
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, new UpstreamScript { Bytes = [.. Enumerable.Repeat(block, 65)] });
        return model;
    }

    private async Task CheckAsync(string slug, string encoding)
    {
        using var response = await Admin.Http.PostAsJsonAsync(OpenAi, new { model = slug, input = Enumerable.Repeat("text", Texts), encoding_format = encoding });
        var bytes = await response.Content.ReadAsByteArrayAsync();
        Assert.True((int)response.StatusCode == 200, Encoding.UTF8.GetString(bytes.AsSpan(0, Math.Min(bytes.Length, 500))));
        var vectors = Read(bytes);
        Assert.Equal(Texts, vectors.Count);
        Assert.All(vectors, vector => Assert.True(vector.AsSpan().SequenceEqual(Vector)));
    }

    private static List<float[]> Read(byte[] bytes)
    {
        var vectors = new List<float[]>();
        var numbers = new List<float>(Dimensions);
        var reader = new Utf8JsonReader(bytes);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || !reader.ValueTextEquals("embedding"))
            {
                continue;
            }

            numbers.Clear();
            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                var packed = reader.GetBytesFromBase64().AsSpan();
                for (; packed.Length > 0; packed = packed[4..])
                {
                    numbers.Add(BinaryPrimitives.ReadSingleLittleEndian(packed));
                }
            }

            while (reader.TokenType != JsonTokenType.String && reader.Read() && reader.TokenType == JsonTokenType.Number)
            {
                numbers.Add(reader.GetSingle());
            }

            vectors.Add([.. numbers]);
        }

        return vectors;
    }

    private static string Items(string vector, int count) => string.Join(',', Enumerable.Range(0, count).Select(index => $$"""{"index":{{index}},"embedding":{{vector}}}"""));

    private static string Numbers(string separator) => string.Join(separator, Vector.Select(value => ((double)value).ToString("R", CultureInfo.InvariantCulture)));

    private static byte[] Packed()
    {
        var bytes = new byte[Dimensions * sizeof(float)];
        for (var i = 0; i < Dimensions; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), Vector[i]);
        }

        return bytes;
    }
}
