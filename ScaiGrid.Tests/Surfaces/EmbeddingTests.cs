using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Embeddings on both HTTP surfaces.</summary>
public sealed class EmbeddingTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/embed";
    private const string OpenAi = "/oai/v1/embeddings";

    private static readonly object Embedding = new { modality = "embedding" };

    [Fact]
    public async Task NativeAnswer_HasVectorsUsageAndRouting()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Embedding);
        var data = (await Admin.PostAsync(Native, new { model = slug, input = new[] { "one", "two" } })).Ok();
        Assert.Equal(slug, (string?)data["model"]);
        Assert.Equal(["index", "embedding"], data["data"]![0]!.AsObject().Select(field => field.Key));
        Assert.Equal([0, 1], data["data"]!.AsArray().Select(item => (int)item!["index"]!));
        Assert.Equal(FakeOperations.Vector, data["data"]![1]!["embedding"]!.AsArray().Select(value => (float)value!));
        Assert.Equal(11, (int)data["usage"]!["prompt_tokens"]!);
        Assert.StartsWith("be_", (string?)data["routing"]!["backend_id"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAiAnswer_HasItsShape()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Embedding);
        var body = (await Admin.PostAsync(OpenAi, new { model = slug, input = "one", encoding_format = "base64" })).Body();
        Assert.Equal("list", (string?)body["object"]);
        Assert.Equal(slug, (string?)body["model"]);
        Assert.Equal("embedding", (string?)body["data"]![0]!["object"]);
        Assert.Equal(FakeOperations.Vector.Length * 4, Convert.FromBase64String((string)body["data"]![0]!["embedding"]!).Length);
        Assert.Equal(11, (int)body["usage"]!["total_tokens"]!);
    }

    [Fact]
    public async Task UpstreamThatKnowsNoBase64_IsTranslated()
    {
        var script = new UpstreamScript { Body = """{"data":[{"embedding":[0.25,-0.5,1]}],"usage":{"prompt_tokens":1}}""" };
        var slug = await ConnectAsync(script, modelFields: Embedding);
        var packed = (string)(await Admin.PostAsync(OpenAi, new { model = slug, input = "one", encoding_format = "base64" })).Body()["data"]![0]!["embedding"]!;

        var other = await ConnectAsync(script with { Body = script.Body!.Replace("[0.25,-0.5,1]", $"\"{packed}\"", StringComparison.Ordinal) }, modelFields: Embedding);
        var numbers = (await Admin.PostAsync(OpenAi, new { model = other, input = "one" })).Body()["data"]![0]!["embedding"]!.AsArray();
        Assert.Equal(FakeOperations.Vector, numbers.Select(value => (float)value!));
    }

    [Fact]
    public async Task UpstreamGetsTheCallersFields_UnderItsOwnModelName()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "embedding", default_params = new { dimensions = 3, user = "default" } });
        await Admin.PostAsync(OpenAi, new { input = "one", model = slug, dimensions = 2, task = "query" });
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
        Assert.Equal("one", (string?)received["input"]);
        Assert.Equal(2, (int)received["dimensions"]!);
        Assert.Equal("query", (string?)received["task"]);
        Assert.Equal("default", (string?)received["user"]);
    }

    [Fact]
    public async Task Usage_IsBilled()
    {
        var counted = await ConnectAsync(new UpstreamScript(), inputPrice: "3", modelFields: Embedding);
        var uncounted = await ConnectAsync(new UpstreamScript { SendsUsage = false }, modelFields: Embedding);
        (await Admin.PostAsync(Native, new { model = counted, input = "one" })).Ok();
        (await Admin.PostAsync(Native, new { model = uncounted, input = new[] { "one", "two" } })).Ok();

        var row = Assert.Single(await Admin.UsageAsync(counted, 1));
        Assert.Equal(11, (int)row["tokens_in"]!);
        Assert.Equal(0, (int)row["tokens_out"]!);
        Assert.Equal("0.000033", (string?)row["cost"]);
        Assert.Equal(2, (int)Assert.Single(await Admin.UsageAsync(uncounted, 1))["tokens_in"]!);
    }

    [Theory]
    [InlineData("""{"model":"m"}""", "input")]
    [InlineData("""{"input":"x"}""", "model")]
    [InlineData("""{"model":"m","input":7}""", "input")]
    [InlineData("""{"model":"m","input":[]}""", "input")]
    [InlineData("""{"model":"m","input":""}""", "input")]
    [InlineData("""{"model":"m","input":["a",""]}""", "input[1]")]
    [InlineData("""{"model":"m","input":["a",7]}""", "input[1]")]
    [InlineData("""{"model":"m","input":[1,"a"]}""", "input[1]")]
    [InlineData("""{"model":"m","input":[[1],[]]}""", "input[1]")]
    [InlineData("""{"model":"m","input":"x","dimensions":0}""", "dimensions")]
    [InlineData("""{"model":"m","input":"x","encoding_format":"hex"}""", "encoding_format")]
    [InlineData("""{"model":"m","model":"n","input":"x"}""", "model")]
    public async Task BadField_IsNamed(string body, string field)
    {
        var error = (await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR");
        Assert.Equal(field, (string?)error["details"]![0]!["field"]);
        Assert.Equal(field, (string?)(await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error")["param"]);
    }

    [Fact]
    public async Task MoreThan2048Items_AreRefused() =>
        (await Admin.PostAsync(Native, new { model = "m", input = Enumerable.Repeat("a", 2049) })).Error(422, "VALIDATION_ERROR");

    [Fact]
    public async Task ChatModel_IsRefused_WithTheFieldsName()
    {
        var error = (await Admin.PostAsync(Native, new { model = "scailabs/echo", input = "x" })).Error(422, "VALIDATION_ERROR");
        Assert.Equal("model", (string?)error["details"]![0]!["field"]);
    }

    [Theory]
    [InlineData("""{"data":[{"embedding":[1]},{"embedding":[1]}]}""")]
    [InlineData("""{"data":[{"index":0}]}""")]
    [InlineData("""{"object":"list"}""")]
    [InlineData("""{"data":[{"embedding":"%%%"}]}""")]
    [InlineData("""{"data":[{"embedding":"cut \ud83d"}]}""")]
    [InlineData("""{"data":[{"embedding":"AADAfw=="}]}""")] // NaN
    [InlineData("""{"data":[{"embedding":"AACAfw=="}]}""")] // infinity
    [InlineData("""{"data":[{"embedding":"AACAPwA="}]}""")] // a number and one more byte
    [InlineData("nonsense")]
    public async Task AnswerThatIsNone_Is502(string answer)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = answer }, modelFields: Embedding);
        (await Admin.PostAsync(Native, new { model = slug, input = "x" })).Error(502, "UPSTREAM_SHAPE_MISMATCH");
    }

    [Theory]
    [InlineData("[1,null]")]
    [InlineData("[1,\"2\"]")]
    [InlineData("[[1]]")]
    [InlineData("[1e300]")]
    [InlineData("\"%%%\"")]
    [InlineData("\"AADAfw==\"")] // NaN
    [InlineData("[ ]")]
    [InlineData("\"\"")]
    public async Task BrokenVector_Is502WhicheverEncodingIsAskedFor(string vector)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = $$$"""{"data":[{"embedding":{{{vector}}}}],"usage":{"prompt_tokens":1}}""" }, modelFields: Embedding);
        foreach (var encoding in (string[])["base64", "float"])
        {
            var answer = await Admin.PostAsync(OpenAi, new { model = slug, input = "x", encoding_format = encoding });
            if (vector.Trim('"').Length > 0 && vector[0] == '"' && encoding == "base64")
            {
                // Forwarded unchanged: the encoding concerns only the caller and the upstream.
                Assert.Equal(vector.Trim('"'), (string?)answer.Body()["data"]![0]!["embedding"]);
                continue;
            }

            answer.OpenAiError(502, "upstream_shape_mismatch");
        }
    }

    [Fact]
    public async Task UpstreamsErrors_AreTheSurfaces()
    {
        var limited = await ConnectAsync(new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "7" } }, modelFields: Embedding);
        Assert.Equal(7, (int)(await Admin.PostAsync(Native, new { model = limited, input = "x" })).Error(429, "BACKEND_RATE_LIMITED")["retry_after"]!);
        var refusing = await ConnectAsync(new UpstreamScript { Status = 400, Body = """{"error":{"message":"too long"}}""" }, modelFields: Embedding);
        (await Admin.PostAsync(OpenAi, new { model = refusing, input = "x" })).OpenAiError(400, "validation_error");
        var broken = await ConnectAsync(new UpstreamScript { Status = 500 }, modelFields: Embedding);
        (await Admin.PostAsync(OpenAi, new { model = broken, input = "x" })).OpenAiError(502, "backend_error");
    }
}
