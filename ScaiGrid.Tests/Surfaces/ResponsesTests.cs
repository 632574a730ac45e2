using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>OpenAI's Responses API, served by chat models.</summary>
public sealed class ResponsesTests(Grid grid) : GridTest(grid)
{
    private const string Path = "/oai/v1/responses";

    private const string Conversation = """
        [
          {"role":"developer","content":"be brief"},
          {"role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"low"}]},
          {"type":"message","role":"assistant","content":[{"type":"output_text","text":"wait","annotations":[]}]},
          {"type":"reasoning","id":"rs_1","summary":[]},
          {"type":"function_call","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Paris\"}"},
          {"type":"function_call","call_id":"call_2","name":"time","arguments":"{}"},
          {"type":"function_call_output","call_id":"call_1","output":"sunny"},
          {"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"noon"}]}
        ]
        """;

    [Fact]
    public async Task Request_BecomesAChatRequest()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","instructions":"be kind","input":{{{Conversation}}},"max_output_tokens":50,"reasoning":{"effort":"low"},
             "text":{"format":{"type":"json_schema","name":"w","schema":{"type":"object"},"strict":true}},"parallel_tool_calls":false,
             "tools":[{"type":"function","name":"weather","description":"d","parameters":{"type":"object"},"strict":true}],
             "tool_choice":{"type":"function","name":"weather"},"store":true,"truncation":"disabled",
             "metadata":{"job":"7"},"prompt_cache_key":"k","safety_identifier":"s"}
            """;
        Assert.Equal("""{"job":"7"}""", (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body()["metadata"]!.ToJsonString());
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!.AsObject();
        Assert.Equal(
            """
            [{"role":"system","content":"be kind"},{"role":"system","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}}]},
            {"role":"assistant","content":[{"type":"text","text":"wait"}],"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Paris\"}"}},{"id":"call_2","type":"function","function":{"name":"time","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"sunny"},
            {"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"noon"}]}]
            """.ReplaceLineEndings(""),
            Plain(received["messages"]!));

        // The older name, because some upstreams, such as Ollama, ignore the newer one.
        Assert.Equal(50, (int)received["max_tokens"]!);
        Assert.False(received.ContainsKey("max_completion_tokens"));
        Assert.Equal("low", (string?)received["reasoning_effort"]);
        Assert.Equal("""{"type":"json_schema","json_schema":{"name":"w","schema":{"type":"object"},"strict":true}}""", Plain(received["response_format"]!));
        Assert.Equal("""[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object"},"strict":true}}]""", Plain(received["tools"]!));
        Assert.Equal("""{"type":"function","function":{"name":"weather"}}""", Plain(received["tool_choice"]!));
        Assert.False((bool)received["parallel_tool_calls"]!);
        Assert.Equal(("k", "s"), ((string?)received["prompt_cache_key"], (string?)received["safety_identifier"]));
        Assert.False(received.ContainsKey("store"));
        Assert.False(received.ContainsKey("metadata"));
    }

    /// <summary>Codex sends its functions in namespaces.</summary>
    [Fact]
    public async Task FunctionInANamespace_IsCalledByBothItsNames()
    {
        const string Tools = """
            [{"type":"function","name":"close"},
             {"type":"namespace","name":"agents","description":"d","tools":[{"type":"function","name":"close","description":"of an agent","strict":false,"parameters":{"type":"object"}}]}]
            """;
        var slug = await ConnectAsync(
            new UpstreamScript
            {
                Body = """
                    {"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
                    {"id":"call_a","type":"function","function":{"name":"agents__close","arguments":"{}"}},
                    {"id":"call_b","type":"function","function":{"name":"close","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}
                    """,
            },
            out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","tools":{{{Tools}}},"tool_choice":{"type":"function","name":"close","namespace":"agents"},"input":[{"role":"user","content":"hi"},
             {"type":"function_call","call_id":"call_1","name":"close","namespace":"agents","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"closed"}]}
            """;
        var output = (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body()["output"]!.AsArray();
        Assert.Equal(
            [("call_a", "agents", "close"), ("call_b", null, "close")],
            output.Select(item => ((string?)item!["call_id"], (string?)item["namespace"], (string?)item["name"])));

        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
        Assert.Equal(
            """
            [{"type":"function","function":{"name":"close"}},
            {"type":"function","function":{"name":"agents__close","description":"of an agent","parameters":{"type":"object"},"strict":false}}]
            """.ReplaceLineEndings(""),
            Plain(received["tools"]!));
        Assert.Equal("agents__close", (string?)received["tool_choice"]!["function"]!["name"]);
        Assert.Equal("agents__close", (string?)received["messages"]![1]!["tool_calls"]![0]!["function"]!["name"]);
    }

    /// <summary>OpenAI allows 64 characters.</summary>
    [Theory]
    [InlineData(40, 30)]
    [InlineData(10, 60)]
    public async Task LongNameOfAFunctionInANamespace_IsShortenedForTheChat(int groupLength, int nameLength)
    {
        var (group, name) = (new string('g', groupLength), new string('n', nameLength));
        string Request(string slug) => $$"""
            {"model":"{{slug}}","tools":[{"type":"namespace","name":"{{group}}","tools":[{"type":"function","name":"{{name}}"}]}],"input":[{"role":"user","content":"hi"},
             {"type":"function_call","call_id":"c","name":"{{name}}","namespace":"{{group}}","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"1"}]}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, Request(await ConnectAsync(new UpstreamScript(), out var upstreamModel)))).Body();
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
        var given = (string)received["tools"]![0]!["function"]!["name"]!;
        Assert.Equal((64, given), (given.Length, (string?)received["messages"]![1]!["tool_calls"]![0]!["function"]!["name"]));

        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = $$$"""{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","function":{"name":"{{{given}}}","arguments":"{}"}}]}}]}""",
        });
        var call = (await Admin.SendAsync(HttpMethod.Post, Path, Request(slug))).Body()["output"]![0]!;
        Assert.Equal((group, name), ((string?)call["namespace"], (string?)call["name"]));
    }

    /// <summary>Codex sends such an output when a goal is set.</summary>
    [Fact]
    public async Task OutputWithoutACall_IsAmongWhatTheUserSays()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","input":[{"role":"user","content":"hi"},
             {"type":"function_call_output","name":"goal","namespace":"agent","output":"win"},
             {"type":"function_call_output","call_id":null,"name":"goal","output":[{"type":"input_text","text":"twice"}]}]}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body();
        Assert.Equal(
            """
            [{"role":"user","content":"hi"},
            {"role":"user","content":"Output of agent__goal, which was not called:"},{"role":"user","content":"win"},
            {"role":"user","content":"Output of goal, which was not called:"},{"role":"user","content":[{"type":"text","text":"twice"}]}]
            """.ReplaceLineEndings(""),
            Plain(JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!["messages"]!));
    }

    /// <summary>In OpenAI's chat format the output of a tool is text only.</summary>
    [Fact]
    public async Task PictureFromATool_IsShownByTheUser()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","input":[{"role":"user","content":"look"},
             {"type":"function_call","call_id":"call_1","name":"shot","arguments":"{}"},{"type":"function_call","call_id":"call_2","name":"read","arguments":"{}"},
             {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"data:image/png;base64,AA=="}]},
             {"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"a page"},{"type":"input_file","filename":"p.pdf","file_data":"data:application/pdf;base64,AA=="}]},
             {"role":"assistant","content":"well"},{"role":"user","content":"so?"}]}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body();
        var messages = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!["messages"]!.AsArray();
        Assert.Equal(["user", "assistant", "tool", "tool", "user", "assistant", "user"], messages.Select(message => (string?)message!["role"]));
        Assert.Equal("(The output follows in the user's message.)", (string?)messages[2]!["content"]);
        Assert.Equal("""[{"type":"text","text":"a page"}]""", Plain(messages[3]!["content"]!));
        Assert.Equal(
            """
            [{"type":"text","text":"(Output of the tool call call_1:)"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},
            {"type":"text","text":"(Output of the tool call call_2:)"},{"type":"file","file":{"filename":"p.pdf","file_data":"data:application/pdf;base64,AA=="}}]
            """.ReplaceLineEndings(""),
            Plain(messages[4]!["content"]!));
    }

    [Fact]
    public async Task File_GoesOnByItsUrlOrItsId()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://example.com/a.pdf"},
             {"type":"input_file","filename":"b.pdf","file_url":"https://example.com/b"},{"type":"input_file","file_id":"file-abc"}]}]}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body();
        Assert.Equal(
            """
            [{"type":"file","file":{"file_data":"https://example.com/a.pdf"}},
            {"type":"file","file":{"filename":"b.pdf","file_data":"https://example.com/b"}},{"type":"file","file":{"file_id":"file-abc"}}]
            """.ReplaceLineEndings(""),
            Plain(JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!["messages"]![0]!["content"]!));
    }

    /// <summary>Vercel's AI SDK sends references unless it is told that nothing is stored.</summary>
    [Fact]
    public async Task Reference_IsRefusedWithWhatToSet()
    {
        var error = (await Admin.SendAsync(
            HttpMethod.Post, Path, """{"model":"scailabs/echo","input":[{"role":"user","content":"hi"},{"type":"item_reference","id":"msg_1"}]}""")).OpenAiError(400, "validation_error");
        Assert.Equal("input[1].type", (string?)error["param"]);
        Assert.Contains("set store to false", (string?)error["message"], StringComparison.Ordinal);
        Assert.Contains("providerOptions: { openai: { store: false } }", (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AllowedTools_AreThoseOfChat()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var body = $$$"""
            {"model":"{{{slug}}}","input":"hi","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"}],
             "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"b"}]}}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body();
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
        Assert.Equal(
            """{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"b"}}]}}""", Plain(received["tool_choice"]!));
    }

    /// <summary>Chat does not allow tool_choice and parallel_tool_calls without tools. Codex sends both when it compacts a conversation.</summary>
    [Theory]
    [InlineData(""" "tools":[],"tool_choice":"auto","parallel_tool_calls":false """)]
    [InlineData(""" "tool_choice":"none","parallel_tool_calls":true """)]
    [InlineData(""" "tools":[{"type":"namespace","name":"n","tools":[]}],"tool_choice":"auto" """)]
    public async Task ChoiceWithoutTools_StaysHere(string fields)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        (await Admin.SendAsync(HttpMethod.Post, Path, $$"""{"model":"{{slug}}","input":"hi",{{fields}}}""")).Body();
        Assert.Equal(["model", "messages"], JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!.AsObject().Select(field => field.Key));
    }

    [Fact]
    public async Task LimitThatTheCallerDidNotSay_KeepsItsName()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { default_params = new { max_completion_tokens = 40 } });
        (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).Body();
        Assert.Contains("\"max_completion_tokens\":40", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HalfACharacter_GoesOnAsItIsWritten()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        (await Admin.SendAsync(HttpMethod.Post, Path, $$"""{"model":"{{slug}}","instructions":"kind \ud83d","input":"hi \ud83d"}""")).Body();
        Assert.Contains(
            """[{"role":"system","content":"kind \ud83d"},{"role":"user","content":"hi \ud83d"}]""", Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body, StringComparison.Ordinal);
    }

    /// <summary>Limits are counted in bytes: non-ASCII letters, quotes and images must not take more bytes than the caller sent.</summary>
    [Fact]
    public async Task Words_AreAsLongAsTheCallerWroteThem()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var words = string.Concat(Enumerable.Repeat("Привет, 世界! <p> & 'it's' \\\"quoted\\\" ", 100));
        var picture = $"data:image/png;base64,{string.Concat(Enumerable.Repeat("+/+A", 1000))}";
        var body = $$"""
            {"model":"{{slug}}","instructions":"{{words}}","tools":[{"type":"function","name":"f","description":"{{words}}"}],"input":[{"role":"user","content":"{{words}}"},
             {"role":"user","content":[{"type":"input_text","text":"{{words}}"},{"type":"input_image","image_url":"{{picture}}"},{"type":"input_file","file_data":"{{picture}}"}]},
             {"type":"function_call","call_id":"c","name":"f","arguments":"{{words}}"},{"type":"function_call_output","call_id":"c","output":"{{words}}"}]}
            """;
        (await Admin.SendAsync(HttpMethod.Post, Path, body)).Body();
        var received = Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body;
        Assert.InRange(Encoding.UTF8.GetByteCount(received), 0, Encoding.UTF8.GetByteCount(body) + 500);
        Assert.Equal(6, received.Split(words).Length - 1);
    }

    [Theory]
    [InlineData("""{"model":"scailabs/echo"}""", "input")]
    [InlineData("""{"model":"scailabs/echo","input":7}""", "input")]
    [InlineData("""{"model":"scailabs/echo","input":"x","previous_response_id":"resp_1"}""", "previous_response_id")]
    [InlineData("""{"model":"scailabs/echo","input":"x","background":true}""", "background")]
    [InlineData("""{"model":"scailabs/echo","input":"x","top_logprobs":3}""", "top_logprobs")]
    [InlineData("""{"model":"scailabs/echo","input":"x","include":["reasoning.encrypted_content","message.output_text.logprobs"]}""", "include")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"web_search"}]}""", "tools[0].type")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"namespace","tools":[]}]}""", "tools[0].name")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"namespace","name":"n"}]}""", "tools[0].tools")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"custom","name":"a"}]}]}""", "tools[0].tools[0].type")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"function","name":"n__a"},{"type":"namespace","name":"n","tools":[{"type":"function","name":"a"}]}]}""", "tools[1].tools[0].name")]
    [InlineData(
        """{"model":"scailabs/echo","input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"a"}]},{"type":"web_search"}]}""", "tools[1].type")]
    [InlineData(
        """{"model":"scailabs/echo","input":"x","tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"a"},{"type":"function","name":"a"}]}]}""",
        "tools[0].tools[1].name")]
    [InlineData("""{"model":"scailabs/echo","input":[]}""", "input")]
    [InlineData("""{"model":"scailabs/echo","input":[{"type":"function_call","name":"a","arguments":"{}"}]}""", "input[0].call_id")]
    [InlineData("""{"model":"scailabs/echo","input":[{"type":"function_call_output","output":"x"}]}""", "input[0].call_id")]
    [InlineData("""{"model":"scailabs/echo","input":[{"role":"user","content":[{"type":"video"}]}]}""", "input[0].content[0]")]
    [InlineData("""{"model":"scailabs/echo","input":[{"role":"user","content":[{"type":"input_image","file_id":"file-abc"}]}]}""", "input[0].content[0].file_id")]
    [InlineData("""{"model":"scailabs/echo","input":[{"role":"user","content":[{"type":"input_file","file_url":"JVBERi0="}]}]}""", "input[0].content[0].file_url")]
    [InlineData("""{"model":"scailabs/echo","input":[{"role":"ghost","content":"x"}]}""", "input[0].role")]
    [InlineData("""{"model":"scailabs/echo","input":["x"]}""", "input[0]")]
    [InlineData("""{"model":"scailabs/echo","input":[{"type":"item_reference","id":"x"}]}""", "input[0].type")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"function","name":"a"}],"tool_choice":{"type":"web_search"}}""", "tool_choice")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[{"type":"function","name":"a"}],"tool_choice":{"type":"allowed_tools","mode":"auto"}}""", "tool_choice.tools")]
    [InlineData(
        """{"model":"scailabs/echo","input":"x","tools":[{"type":"function","name":"a"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"web_search"}]}}""",
        "tool_choice.tools[0].type")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tools":[],"tool_choice":"required"}""", "tool_choice")]
    [InlineData("""{"model":"scailabs/echo","input":"x","tool_choice":{"type":"function","name":"a"}}""", "tool_choice")]
    [InlineData("""{"model":"scailabs/echo","input":"x","text":{"format":{"type":"grammar"}}}""", "text.format.type")]
    [InlineData("""{"model":"scailabs/echo","input":"x","temperature":3}""", "temperature")]
    [InlineData("""{"model":"scailabs/echo","input":"x","reasoning":{"effort":5}}""", "reasoning.effort")]
    [InlineData("""{"model":"scailabs/echo","input":[{"type":"reasoning","summary":[]}]}""", "input")]
    public async Task BadField_IsNamed(string body, string field) =>
        Assert.Equal(field, (string?)(await Admin.SendAsync(HttpMethod.Post, Path, body)).OpenAiError(400, "validation_error")["param"]);

    /// <summary>An error about the chat request that was made of the caller's request names the caller's field, also if an upstream refuses it.</summary>
    [Theory]
    [InlineData("max_completion_tokens", "is too small.", "max_output_tokens", "max_output_tokens: is too small.")]
    [InlineData("reasoning_effort", "is unknown.", "reasoning.effort", "reasoning.effort: is unknown.")]
    [InlineData("verbosity", "is unknown.", "text.verbosity", "text.verbosity: is unknown.")]
    [InlineData("response_format.json_schema.schema", "is bad.", "text.format.schema", "text.format.schema: is bad.")]
    [InlineData("response_format", "is bad.", "text.format", "text.format: is bad.")]
    [InlineData("tools[0].function.parameters", "is bad.", "tools[0].parameters", "tools[0].parameters: is bad.")]
    [InlineData("messages", "is too long.", "input", "input: is too long.")]
    [InlineData("messages[2].content", "is bad.", "input", "input: in the resulting chat request, messages[2].content: is bad.")]
    [InlineData("messages_of_others", "is bad.", "messages_of_others", "messages_of_others: is bad.")]
    public async Task FieldThatAnUpstreamRefuses_IsTheCallers(string field, string message, string param, string text)
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = 400, Body = $$$"""{"error":{"message":"{{{message}}}","type":"invalid_request_error","param":"{{{field}}}"}}""" });
        var error = (await Admin.PostAsync(Path, new { model = slug, input = "hi" })).OpenAiError(400, "validation_error");
        Assert.Equal((param, text), ((string?)error["param"], (string?)error["message"]));
    }

    private static string Plain(JsonNode node) => node.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
