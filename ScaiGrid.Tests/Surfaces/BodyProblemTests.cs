using System.Text.Json.Nodes;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Mistakes in a control-plane body are reported field by field, in readable text.</summary>
public sealed class BodyProblemTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("/v1/models", """{"slug":"a/b","metadata":{"x":1,"x":2}}""", "metadata.x")]
    [InlineData("/v1/models", """{"slug":"a/b","metadata":{"deep":[0,{"y":1,"y":1}]}}""", "metadata.deep[1].y")]
    [InlineData("/v1/models", """{"slug":"a/b","default_params":{"temperature":1,"temperature":1}}""", "default_params.temperature")]
    [InlineData("/v1/providers", """{"name":"x","type":"custom","config":{"base_url":"http://a","base_url":"http://b"}}""", "config.base_url")]
    [InlineData("/v1/api-keys", """{"name":"x","name":"y"}""", "name")]
    public async Task NameThatIsThereTwice_IsSaidSo(string path, string body, string field)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, path, body);
        answer.Invalid(field);
        Assert.Contains("appears twice.", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NameThatIsThereTwiceInAList_NamesTheItem()
    {
        var answer = await Admin.SendAsync(
            HttpMethod.Put, "/v1/models/scailabs%2Fecho/routing", """{"targets":[{"backend_id":"a"},{"backend_id":"a","backend_id":"b"}]}""");
        answer.Invalid("targets[1].backend_id");
        Assert.Contains("appears twice.", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST", "/v1/api-keys", """{"name":"x","expires_att":"2020-01-01T00:00:00Z"}""", "expires_att")]
    [InlineData("POST", "/v1/api-keys", """{"Name":"x"}""", "Name")]
    [InlineData("POST", "/v1/users", """{"email":"a@b.example","tenant":"tnt_1"}""", "tenant")]
    [InlineData("PUT", "/v1/users/usr_1", """{"tenant_id":"tnt_1"}""", "tenant_id")]
    [InlineData("PUT", "/v1/models/scailabs%2Fecho/routing", """{"targets":[{"backend_id":"a"},{"backend_id":"b","wait":2}]}""", "targets[1].wait")]
    [InlineData("PUT", "/v1/models/scailabs%2Fecho/routing", """{"targets":[],"retry":{"tries":2}}""", "retry.tries")]
    [InlineData("POST", "/v1/auth/identify", """{"email":"a@b.example","it's \n \"new\"":1}""", "it's \n \"new\"")]
    [InlineData("POST", "/v1/sessions", """{"model":"scailabs/echo","":1}""", "")]
    public async Task UnknownField_IsRefusedByName(string method, string path, string body, string field)
    {
        var answer = await Admin.SendAsync(new HttpMethod(method), path, body);
        answer.Invalid(field);
        Assert.Contains("is not a field of this request.", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/v1/models")]
    public async Task NestedTooDeep_IsSaid(string path)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, path, $$"""{"metadata":{"x":{{new string('[', 70)}}{{new string(']', 70)}} } }""");
        answer.Error(400, "MALFORMED_JSON");
        Assert.Contains("is nested deeper than 64 ", answer.Text, StringComparison.Ordinal);
    }

    /// <summary>A body may contain millions of mistakes, and the report of a mistake is longer than the mistake.</summary>
    [Fact]
    public async Task MistakesWithoutEnd_AreToldInPart()
    {
        var answer = await Admin.SendAsync(
            HttpMethod.Post, "/v1/inference/chat", $$"""{"model":"scailabs/echo","messages":[{{string.Join(',', Enumerable.Repeat(1, 1000))}}],"temperature":9}""");
        var fields = answer.Error(422, "VALIDATION_ERROR")["details"]!.AsArray().Select(detail => (string?)detail!["field"]).ToList();
        Assert.Equal(Enumerable.Range(0, 20).Select(index => $"messages[{index}]"), fields);
    }

    [Fact]
    public async Task Documentation_LeavesTypesOpen() =>
        Assert.DoesNotMatch("\"additionalProperties\":\\s*false", (await Admin.GetAsync("/openapi/v1.json")).Text);

    [Theory]
    [InlineData("/v1/inference/chat")]
    [InlineData("/v1/inference/generate")]
    [InlineData("/v1/inference/embed")]
    [InlineData("/v1/inference/images/generate")]
    public async Task Documentation_TellsTheShapeOfTheAnswer(string path)
    {
        var document = JsonNode.Parse((await Admin.GetAsync("/openapi/v1.json")).Text)!;
        var answer = document["paths"]![path]!["post"]!["responses"]!["200"]!;
        Assert.NotNull(answer["content"]?["application/json"]?["schema"]);
    }

    [Theory]
    [InlineData("""{"slug":"a/b","metadata":[]}""", "metadata")]
    [InlineData("""{"slug":"a/b","metadata":"x"}""", "metadata")]
    [InlineData("""{"slug":"a/b","metadata":7}""", "metadata")]
    public async Task DocumentOfTheWrongType_NamesTheField(string body, string field) =>
        (await Admin.SendAsync(HttpMethod.Post, "/v1/models", body)).Invalid(field);

    [Theory]
    [InlineData("POST", "context_window", "4294967296", "must be a whole number from -2147483648 to 2147483647.")]
    [InlineData("POST", "context_window", "1.5", "must be a whole number from -2147483648 to 2147483647.")]
    [InlineData("POST", "context_window", "\"8000\"", "has the wrong type.")]
    [InlineData("PUT", "max_output_tokens", "99999999999999999999", "must be a whole number from -2147483648 to 2147483647.")]
    [InlineData("POST", "display_name", "\"\\ud83d\"", "is not valid Unicode.")]
    [InlineData("POST", "display_name", "7", "has the wrong type.")]
    [InlineData("POST", "capabilities[1]", "[\"chat\",\"\\ude00\"]", "is not valid Unicode.")]
    [InlineData("PUT", "system_prompt_template", "\"\\ud83d x\"", "is not valid Unicode.")]
    [InlineData("POST", "metadata", "{\"x\":\"\\ud83d\"}", "is not valid Unicode.")]
    public async Task ValueThatCannotBeRead_TheReasonIsSaid(string method, string field, string value, string message)
    {
        var path = method == "POST" ? "/v1/models" : "/v1/models/scailabs%2Fecho";
        var answer = await Admin.SendAsync(HttpMethod.Parse(method), path, $$"""{"{{field.Split('[')[0]}}":{{value}}}""");
        answer.Invalid(field);
        Assert.Equal(message, (string?)answer.Error(422, "VALIDATION_ERROR")["details"]![0]!["message"]);
    }

    [Theory]
    [InlineData("""{"model":"scailabs/echo","messages":[{"role":"us\ud800","content":"hi"}]}""")]
    [InlineData("""{"model":"scailabs/echo","messages":[{"role":"user","content":"hi"}],"tool_choice":"re\ud800"}""")]
    public async Task HalfOfACharacter_IsNoErrorOfOurs(string body) =>
        Assert.InRange((int)(await Admin.SendAsync(HttpMethod.Post, "/v1/inference/chat", body)).Status, 200, 499);

    [Fact]
    public async Task BrokenDocument_IsMalformed() =>
        (await Admin.SendAsync(HttpMethod.Post, "/v1/models", """{"slug":"a/b","metadata":{"x":}}""")).Error(400, "MALFORMED_JSON");

    [Fact]
    public async Task Document_ComesBackAsItWasSent()
    {
        const string Metadata = """{"text":"Zoë <b>","number":1.50,"big":12345678901234567890,"flag":true,"nothing":null,"list":[1,[],{}],"":"empty name"}""";
        var model = (await Admin.SendAsync(HttpMethod.Post, "/v1/models", $$"""{"slug":"{{Fresh.Slug()}}","metadata":{{Metadata}}}""")).Created();
        Assert.Equal(Metadata, model["metadata"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    [Fact]
    public async Task TextOfAnError_IsReadable()
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, "/v1/models", """{"slug":"a/b","default_params":{"größe'<":1,"größe'<":2}}""");
        Assert.Contains("default_params.größe'<", answer.Text, StringComparison.Ordinal);
        using var stranger = Admin.As(null);
        Assert.Contains("'Authorization: Bearer …'", (await stranger.GetAsync("/v1/me")).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/v1/inference/chat", """ "messages":[{"role":"user","content":[{"type":"text","text":"x","\ud83d":1}]}] """)]
    [InlineData("/oai/v1/chat/completions", """ "messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","\uD83D":{"name":"f"}}] """)]
    [InlineData("/oai/v1/responses", """ "input":"x","text":{"\ud83d":1} """)]
    [InlineData("/oai/v1/responses", """ "input":[{"role":"user","content":"x","\ud83d":1}] """)]
    [InlineData("/oai/v1/audio/speech", """ "input":"x","voice":{"\ud83d":1} """)]
    public async Task NameWithHalfACharacter_IsTheCallersMistake(string path, string fields)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, path, $$"""{"model":"scailabs/echo",{{fields}}}""");
        Assert.Equal(400, (int)answer.Status);
        Assert.Contains("not valid Unicode", answer.Text, StringComparison.Ordinal);
    }
}
