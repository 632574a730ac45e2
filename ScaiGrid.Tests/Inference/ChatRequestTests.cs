using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Azure;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference;

public sealed class ChatRequestTests
{
    private const string Messages = """ "messages":[{"role":"user","content":"hi"}] """;

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"hi"}]}""", "model")]
    [InlineData("""{"model":null,"messages":[{"role":"user","content":"hi"}]}""", "model")]
    [InlineData("""{"model":7,"messages":[{"role":"user","content":"hi"}]}""", "model")]
    [InlineData("""{"model":"m"}""", "messages")]
    [InlineData("""{"model":"m","messages":[]}""", "messages")]
    [InlineData("""{"model":"m","messages":"hi"}""", "messages")]
    [InlineData("""{"model":"m","messages":["hi"]}""", "messages[0]")]
    [InlineData("""{"model":"m","messages":[{"content":"hi"}]}""", "messages[0].role")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":7}]}""", "messages[0].content")]
    [InlineData("""{"model":"m","temperature":2.1,"messages":[{"role":"user","content":"hi"}]}""", "temperature")]
    [InlineData("""{"model":"m","temperature":"warm","messages":[{"role":"user","content":"hi"}]}""", "temperature")]
    [InlineData("""{"model":"m","top_p":-1,"messages":[{"role":"user","content":"hi"}]}""", "top_p")]
    [InlineData("""{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":1.5,"messages":[{"role":"user","content":"hi"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":99999999999,"messages":[{"role":"user","content":"hi"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","stream":"yes","messages":[{"role":"user","content":"hi"}]}""", "stream")]
    [InlineData("""{"model":"m","stop":7,"messages":[{"role":"user","content":"hi"}]}""", "stop")]
    [InlineData("""{"model":"m","tools":{},"messages":[{"role":"user","content":"hi"}]}""", "tools")]
    [InlineData("""{"model":"m","model":"n","messages":[{"role":"user","content":"hi"}]}""", "model")]
    [InlineData("""{"model":"m","stream_options":{"include_usage":1},"messages":[{"role":"user","content":"hi"}]}""", "stream_options.include_usage")]
    [InlineData("""["model"]""", "body")]
    public void WrongField_IsNamed(string body, string field)
    {
        var problem = Problem(body);
        Assert.Equal(CoreErrors.Validation, problem.Error);
        Assert.Contains(problem.Details!, detail => detail.Field == field);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"model":"m",}""")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"hi"}]} x""")]
    [InlineData("""{"model":"m" "messages":[]}""")]
    [InlineData("nonsense")]
    public void BrokenJson_IsMalformed(string body) => Assert.Equal(CoreErrors.MalformedJson, Problem(body).Error);

    [Fact]
    public void InvalidUnicode_IsMalformed()
    {
        Assert.Equal(CoreErrors.MalformedJson, Problem("""{"model":"\ud800","messages":[{"role":"user","content":"hi"}]}""").Error);
        var bytes = new PooledBytes();
        bytes.Append([.. "{\"model\":\"m\",\"x\":\""u8, 0xFF, .. "\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"u8]);
        Assert.Null(ChatRequestReader.Read(bytes, out var problem));
        Assert.Equal(CoreErrors.MalformedJson, problem!.Error);
    }

    [Fact]
    public void HalfASurrogatePairInContent_IsTheUpstreamsBusiness()
    {
        using var request = Read("""{"model":"m","messages":[{"role":"user","content":"\ud83d"}]}""");
        Assert.True(ScaiGrid.Inference.Metering.TokenCounter.CountPrompt(request.Body) > 0);
    }

    [Fact]
    public void NullsAndUnknownFields_AreFine()
    {
        using var request = Read("""{"model":"m","temperature":null,"max_tokens":null,"tools":null,"stream":null,"x_custom":{"a":[1]},"messages":[{"role":"user","content":null}]}""");
        Assert.Equal("m", request.Model);
        Assert.False(request.Stream);
        Assert.Null(request.MaxTokens);
    }

    /// <summary>The budget reserves the lower of the two limits, so the upstream must not get a higher one.</summary>
    [Theory]
    [InlineData("max_tokens", """ "max_completion_tokens":10,"max_tokens":null""", """ "max_completion_tokens":null,"max_tokens":10""")]
    [InlineData("max_tokens", """ "max_tokens":30000,"max_completion_tokens":1""", """ "max_tokens":1,"max_completion_tokens":null""")]
    [InlineData("max_completion_tokens", """ "max_tokens":70,"max_completion_tokens":null""", """ "max_tokens":null,"max_completion_tokens":70""")]
    [InlineData("max_completion_tokens", """ "max_tokens":70""", """ "max_completion_tokens":70""")]
    [InlineData("max_completion_tokens", """ "max_tokens":7000""", """ "max_completion_tokens":100""")]
    [InlineData("max_completion_tokens", """ "max_completion_tokens":7000,"max_tokens":null""", """ "max_completion_tokens":100,"max_tokens":null""")]
    [InlineData(null, """ "max_tokens":30000,"max_completion_tokens":1""", """ "max_tokens":1,"max_completion_tokens":1""")]
    [InlineData(null, """ "max_tokens":50,"max_completion_tokens":null""", """ "max_tokens":50,"max_completion_tokens":null""")]
    public void TwoLimits_BoundTheOutputByTheLesser(string? outputLimit, string sent, string expected)
    {
        using var request = Read($$"""{"model":"m",{{sent}},{{Messages}}}""");
        using var edited = ChatRequestEditor.Edit(request, Routes.Make(maxOutput: 100), "\"up\""u8, new OpenAiDialect(outputLimit));
        Assert.Contains(expected.Trim(), Encoding.UTF8.GetString(edited.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void DefaultsOfBothNames_AreOneWhereOneIsRead()
    {
        using var request = Read($$"""{"model":"m","max_tokens":null,{{Messages}}}""");
        var model = Routes.Make(defaults: """{"max_tokens":5,"max_completion_tokens":6}""");
        using var edited = ChatRequestEditor.Edit(request, model, "\"up\""u8, new OpenAiDialect("max_tokens"));
        Assert.Contains("\"max_tokens\":5,", Encoding.UTF8.GetString(edited.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void CallersNull_OfTheOtherName_IsNotRenamed()
    {
        using var request = Read($$"""{"model":"m","max_tokens":null,{{Messages}}}""");
        request.ReservedOutput = 100;
        using var edited = ChatRequestEditor.Edit(request, Routes.Make(), "\"up\""u8, new OpenAiDialect("max_completion_tokens"));
        Assert.Single(Encoding.UTF8.GetString(edited.Span).Split("max_completion_tokens").Skip(1));
    }

    [Theory]
    [InlineData("max_tokens", null)]
    [InlineData("max_completion_tokens", "max_completion_tokens")]
    [InlineData("max_tokens", "max_tokens")]
    public void CallersNull_GivesWayToWhatIsPutIn(string field, string? outputLimit)
    {
        using var request = Read($$"""{"temperature":null,"{{field}}" : null,"reasoning_effort":null,"tools":[],"model":"m",{{Messages}}}""");
        request.ReservedOutput = 100;
        var model = Routes.Make(defaults: """{"temperature":0.5,"top_p":1}""");
        using var edited = ChatRequestEditor.Edit(request, model, "\"up\""u8, new OpenAiDialect(outputLimit, ToolEffort: "none"));

        // The text is checked, because a parser would hide duplicate fields.
        var text = Encoding.UTF8.GetString(edited.Span);
        Assert.DoesNotContain("null", text, StringComparison.Ordinal);
        Assert.All((string[])[$"\"{field}\" : 100", "\"temperature\":0.5", "\"top_p\":1", "\"reasoning_effort\":\"none\""], set => Assert.Single(text.Split(set).Skip(1)));
    }

    [Theory]
    [InlineData("""{"model":"m",""" + Messages + "}", """{"model":"up","messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{ "stream" : true , "model" : "m" ,""" + Messages + "}", """{"stream_options":{"include_usage":true},"stream":true,"model":"up","messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":null,""" + Messages + "}", """{"model":"up","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{ },""" + Messages + "}", """{"model":"up","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"x":1},""" + Messages + "}", """{"model":"up","stream":true,"stream_options":{"include_usage":true,"x":1},"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":false,"x":1},""" + Messages + "}", """{"model":"up","stream":true,"stream_options":{"include_usage":true,"x":1},"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":true},""" + Messages + "}", """{"model":"up","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","max_tokens":5000,"x_custom":[1,{"model":"m"}],""" + Messages + "}", """{"model":"up","max_tokens":100,"x_custom":[1,{"model":"m"}],"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","max_tokens":10,"max_completion_tokens":5000,""" + Messages + "}", """{"model":"up","max_tokens":10,"max_completion_tokens":10,"messages":[{"role":"user","content":"hi"}]}""")]
    [InlineData("""{"model":"m","max_completion_tokens":50,""" + Messages + "}", """{"model":"up","max_completion_tokens":50,"messages":[{"role":"user","content":"hi"}]}""")]
    public void UpstreamBody_IsTheCallersWithWhatMustChange(string body, string expected)
    {
        using var request = Read(body);
        using var edited = ChatRequestEditor.Edit(request, Routes.Make(maxOutput: 100), "\"up\""u8, OpenAiDialect.Plain);
        AssertJson(expected, edited);
        Assert.Equal(body, Encoding.UTF8.GetString(request.Body.Span));
    }

    [Fact]
    public void ModelDefaults_FillWhatTheCallerLeftOut()
    {
        using var request = Read("""{"model":"m","temperature":1,""" + Messages + "}");
        var route = Routes.Make(defaults: """{"temperature":0.2,"top_p":0.5,"stop":["é\n"]}""", systemPrompt: "Say \"please\".\n");
        using var edited = ChatRequestEditor.Edit(request, route, "\"up\""u8, OpenAiDialect.Plain);
        AssertJson(
            """
            {"top_p":0.5,"stop":["é\n"],"model":"up","temperature":1,
             "messages":[{"role":"system","content":"Say \"please\".\n"},{"role":"user","content":"hi"}]}
            """,
            edited);
    }

    private static void AssertJson(string expected, PooledBytes actual) =>
        Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), JsonNode.Parse(actual.Span)!.ToJsonString());

    /// <summary>
    /// OpenAI's chat completions never return such fields, and refuse them. A model of the same name may have returned them through the Responses API.
    /// </summary>
    [Theory]
    [InlineData("up", "openai", false)]
    [InlineData("up", "custom", true)]
    [InlineData("gpt-4.1", "azure", false)]
    [InlineData("up", "azure", true)]
    public void FieldOfAnEarlierAnswer_GoesToItsOwnModel_ButNotToOpenAis(string model, string type, bool isSent)
    {
        const string Field = ""","reasoning_content":"Hm." """;
        const string Body = $$"""{"model":"m","messages":[{"role":"assistant","content":"x"{{Field}}}]}""";
        using var request = Read(Body);
        request.Carried = [new CarriedField(new JsonSpan(Body.IndexOf(Field, StringComparison.Ordinal), Field.Length), CarriedField.MakerOf(model), NamesProvider: false)];
        ChatFormat format = type == "azure" ? new AzureFormat(model, outputLimit: null, like: null) : new OpenAiFormat(model, outputLimit: null, isOpenAi: type == "openai");
        using var sent = format.WriteRequest(request, Routes.Make(), out _)!;
        Assert.Equal(isSent, Encoding.UTF8.GetString(sent.Span).Contains("reasoning_content", StringComparison.Ordinal));
    }

    /// <summary>Some makers' models need their reasoning back.</summary>
    [Theory]
    [InlineData("gpt-5.4", null, false)]
    [InlineData("chat-prod", "gpt-4.1", false)]
    [InlineData("chat-prod", null, true)]
    [InlineData("DeepSeek-V3.2", null, true)]
    [InlineData("GPT-4o", null, false)]
    [InlineData("gpt4o", null, false)]
    [InlineData("team_gpt-4.1", null, false)]
    [InlineData("gpt-audio-mini", null, false)]
    [InlineData("gpt-oss-120b", null, true)]
    public void ReasoningThatTheCallerSendsBack_GoesToDeploymentsThatMayNotBeOpenAis(string model, string? like, bool isSent)
    {
        using var request = Read("""{"model":"m","messages":[{"role":"assistant","content":"x","reasoning_content":"Hm."}]}""");
        using var sent = new AzureFormat(model, outputLimit: null, like).WriteRequest(request, Routes.Make(), out _)!;
        Assert.Equal(isSent, Encoding.UTF8.GetString(sent.Span).Contains("reasoning_content", StringComparison.Ordinal));
    }

    /// <summary>Such text is forwarded as written.</summary>
    [Theory]
    [InlineData("""{"role":"assis\ud800","content":"x","reasoning":"y"}""", """{"role":"assis\ud800","content":"x","reasoning":"y"}""")]
    [InlineData("""{"role":"assistant","tool_calls":[{"id":"c","role":"assis\ud800","extra_content":{}}]}""", """{"role":"assistant","tool_calls":[{"id":"c","role":"assis\ud800"}]}""")]
    [InlineData("""{"role":"assis\u0074ant","content":"x","reasoning":"\ud800"}""", """{"role":"assis\u0074ant","content":"x"}""")]
    public void RoleThatIsNotUnicode_IsNoAssistants(string message, string expected)
    {
        using var request = Read($$"""{"model":"m","messages":[{{message}}]}""");
        using var sent = new OpenAiFormat("gpt-4.1", outputLimit: null, isOpenAi: true).WriteRequest(request, Routes.Make(), out _);
        Assert.Contains(expected, Encoding.UTF8.GetString(sent.Span), StringComparison.Ordinal);
    }

    private static ChatRequest Read(string body)
    {
        var request = ChatRequestReader.Read(Bytes(body), out var problem);
        Assert.True(request is not null, problem?.Text);
        return request;
    }

    private static Problem Problem(string body)
    {
        Assert.Null(ChatRequestReader.Read(Bytes(body), out var problem));
        return problem!;
    }

    private static PooledBytes Bytes(string body)
    {
        var bytes = new PooledBytes();
        bytes.Append(Encoding.UTF8.GetBytes(body));
        return bytes;
    }
}
