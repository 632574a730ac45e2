using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Invalid requests get an error in the format of the surface, with the right status and code, on every path.</summary>
public sealed class ErrorSurfaceTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/chat";
    private const string OpenAi = "/oai/v1/chat/completions";
    private const string Valid = """{"model":"scailabs/echo","messages":[{"role":"user","content":"hi"}]}""";

    [Theory]
    [InlineData(null, "AUTH_TOKEN_MISSING")]
    [InlineData("sgk_wrong-key-0123456789abcdefghijklmnopqrstuv", "AUTH_TOKEN_INVALID")]
    [InlineData("sgk_short", "AUTH_TOKEN_INVALID")]
    [InlineData("nonsense", "AUTH_TOKEN_INVALID")]
    public async Task MissingOrWrongKey_Is401(string? key, string code)
    {
        using var stranger = Admin.As(key);
        (await stranger.SendAsync(HttpMethod.Post, Native, Valid)).Error(401, code);
        (await stranger.GetAsync("/v1/me")).Error(401, code);
        (await stranger.SendAsync(HttpMethod.Post, OpenAi, Valid)).OpenAiError(401, code.ToLowerInvariant());
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("Basic {0}")]
    [InlineData("Bearer")]
    public async Task KeyThatIsNoBearers_IsToldWhatToSend(string form)
    {
        using var stranger = Admin.As(null);
        stranger.Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", string.Format(CultureInfo.InvariantCulture, form, Admin.Key));
        var native = (await stranger.SendAsync(HttpMethod.Post, Native, Valid)).Error(401, "AUTH_TOKEN_INVALID");
        var openAi = (await stranger.SendAsync(HttpMethod.Post, OpenAi, Valid)).OpenAiError(401, "auth_token_invalid");
        Assert.All([native, openAi], error => Assert.Contains("'Authorization: Bearer …'", (string?)error["message"], StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("chat", "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]", "chat/completions")]
    [InlineData("generate", "\"prompt\":\"hi\"", "completions")]
    [InlineData(null, "\"input\":\"hi\"", "responses")]
    [InlineData("embed", "\"input\":\"hi\"", "embeddings")]
    [InlineData("images/generate", "\"prompt\":\"hi\"", "images/generations")]
    [InlineData("audio/synthesize", "\"input\":\"hi\",\"voice\":\"alloy\"", "audio/speech")]
    [InlineData(null, "\"input\":\"hi\"", "moderations")]
    public async Task EmptyModel_IsNamed(string? native, string fields, string openAi)
    {
        var body = $"{{\"model\":\"\",{fields}}}";
        if (native is not null)
        {
            var error = (await Admin.SendAsync(HttpMethod.Post, $"/v1/inference/{native}", body)).Error(422, "VALIDATION_ERROR");
            Assert.Equal("model", (string?)error["details"]![0]!["field"]);
        }

        Assert.Equal("model", (string?)(await Admin.SendAsync(HttpMethod.Post, $"/oai/v1/{openAi}", body)).OpenAiError(400, "validation_error")["param"]);
    }

    [Fact]
    public async Task EmptyModelOfAForm_IsNamed()
    {
        var error = (await Admin.TranscribeAsync("/v1/inference/audio/transcribe", [1, 2, 3], ("model", ""))).Error(422, "VALIDATION_ERROR");
        Assert.Equal("model", (string?)error["details"]![0]!["field"]);
        Assert.Equal("model", (string?)(await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", [1, 2, 3], ("model", ""))).OpenAiError(400, "validation_error")["param"]);
    }

    [Fact]
    public async Task UnknownModel_Is404()
    {
        (await Admin.ChatAsync("no/such-model")).Error(404, "MODEL_NOT_FOUND");
        (await Admin.ChatAsync("no/such-model", path: OpenAi)).OpenAiError(404, "model_not_found");
    }

    [Theory]
    [InlineData("no/such-model", "There is no model 'no/such-model'.")]
    [InlineData("a\nb\u202e\ud83d\ude00\"", "There is no model 'a\ufffdb\ufffd\ud83d\ude00\"'.")]
    public async Task UnknownModel_IsNamed(string slug, string text)
    {
        Assert.Equal(text, (string?)(await Admin.ChatAsync(slug)).Error(404, "MODEL_NOT_FOUND")["message"]);
        Assert.Equal(text, (string?)(await Admin.ChatAsync(slug, path: OpenAi)).OpenAiError(404, "model_not_found")["message"]);
        var longName = string.Concat(Enumerable.Repeat(slug, 40));
        Assert.InRange(((string?)(await Admin.ChatAsync(longName)).Error(404, "MODEL_NOT_FOUND")["message"])!.Length, 100, 200);
    }

    [Fact]
    public async Task TooManyTokens_TheBoundIsSaid()
    {
        var body = Valid.Replace("\"messages\"", "\"max_tokens\":1000000000000,\"messages\"", StringComparison.Ordinal);
        Assert.Contains("between 1 and 2147483647", (string?)(await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error")["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    public async Task NoForm_WhereOneIsNeeded_IsTold(string type)
    {
        var error = (await Admin.SendAsync(HttpMethod.Post, "/oai/v1/audio/transcriptions", "{}", type)).OpenAiError(415, "unsupported_media_type");
        Assert.Contains("multipart/form-data", (string?)error["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("""{"model":"scailabs/echo","messages":[]""")]
    public async Task MalformedJson_Is400(string body)
    {
        (await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(400, "MALFORMED_JSON");
        (await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "malformed_json");
    }

    [Theory]
    [InlineData("{")]
    [InlineData("""{"name":"x","scopes":[]""")]
    public async Task MalformedJson_Is400_InTheControlPlane(string body) =>
        (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", body)).Error(400, "MALFORMED_JSON");

    [Fact]
    public async Task WrongTypes_NameTheField()
    {
        var body = Valid.Replace("\"hi\"", "7", StringComparison.Ordinal);
        var error = (await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR");
        Assert.Equal("messages[0].content", (string?)error["details"]![0]!["field"]);
        var openAi = (await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error");
        Assert.Equal("messages[0].content", (string?)openAi["param"]);
        error = (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", """{"name":7}""")).Error(422, "VALIDATION_ERROR");
        Assert.Equal("name", (string?)error["details"]![0]!["field"]);
    }

    /// <summary>There is no parameter of that name, and the envelope's word for the whole is no name.</summary>
    [Theory]
    [InlineData(OpenAi)]
    [InlineData("/oai/v1/completions")]
    [InlineData("/oai/v1/responses")]
    [InlineData("/oai/v1/embeddings")]
    [InlineData("/oai/v1/images/generations")]
    [InlineData("/oai/v1/moderations")]
    [InlineData("/oai/v1/audio/speech")]
    [InlineData("/oai/v1/batches")]
    public async Task BodyThatIsNoObject_NamesNoParameter(string path)
    {
        var openAi = (await Admin.SendAsync(HttpMethod.Post, path, "[]")).OpenAiError(400, "validation_error");
        Assert.Null(openAi["param"]);
        Assert.StartsWith("body: ", (string?)openAi["message"], StringComparison.Ordinal);
        var error = (await Admin.SendAsync(HttpMethod.Post, Native, "[]")).Error(422, "VALIDATION_ERROR");
        Assert.Equal("body", (string?)error["details"]![0]!["field"]);
    }

    [Theory]
    [InlineData(400, """{"error":{"message":"no such value","type":"invalid_request_error","param":"tools[0].type","code":"invalid_value"}}""", "tools[0].type", 400)]
    [InlineData(422, """{"detail":[{"loc":["body","tools",0,"type"],"msg":"no such value"}]}""", "tools.0.type", 422)]
    public async Task FieldThatTheUpstreamRefuses_IsNamed(int status, string body, string field, int openAiStatus)
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = status, Body = body });
        var detail = (await Admin.ChatAsync(slug)).Error(422, "VALIDATION_ERROR")["details"]![0]!;
        Assert.Equal((field, "no such value"), ((string?)detail["field"], (string?)detail["message"]));
        var openAi = (await Admin.ChatAsync(slug, path: OpenAi)).OpenAiError(openAiStatus, "validation_error");
        Assert.Equal((field, $"{field}: no such value"), ((string?)openAi["param"], (string?)openAi["message"]));
    }

    [Theory]
    [InlineData("""{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}""", "context_length_exceeded", "messages")]
    [InlineData("""{"error":{"message":"too long","type":"exceed_context_size_error","code":400}}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"This model's maximum context length is 8 tokens.","type":"BadRequestError","param":null,"code":400}}""", "context_length_exceeded", null)]
    [InlineData("""{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000"}}""", "context_length_exceeded", null)]
    [InlineData("""{"object":"error","message":"The input (9000 tokens) is longer than the model's context length (8192 tokens).","type":"BadRequestError","param":null,"code":400}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"The decoder prompt (length 9000) is longer than the maximum model length of 8192.","type":"BadRequestError","code":400}}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"You passed 10243 input tokens and requested 6142 output tokens. However, the model's context length is only 16384 tokens, resulting in a maximum input length of 10242 tokens.","type":"BadRequestError","param":"input_tokens","code":400}}""", "context_length_exceeded", "input_tokens")]
    [InlineData("""{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"Invalid request: Your request exceeded model token limit: 262144 (requested: 291351)","type":"invalid_request_error"}}""", "context_length_exceeded", null)]
    [InlineData("""{"error":"The number of tokens to keep from the initial prompt is greater than the context length."}""", "context_length_exceeded", null)]
    [InlineData("""{"type":"error","error":{"type":"bad_request_error","message":"invalid params, context window exceeds limit (2013)"}}""", "context_length_exceeded", null)]
    [InlineData("""{"message":"Input is too long for requested model."}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"prompt too long; exceeded max context length by 12 tokens","type":"invalid_request_error","param":null,"code":null}}""", "context_length_exceeded", null)]
    [InlineData("""{"error":{"message":"no","param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}""", "content_filter", "prompt")]
    [InlineData("""{"error":{"message":"no","type":"image_generation_user_error","param":null,"code":"content_policy_violation"}}""", "content_policy_violation", null)]
    [InlineData("""{"error":{"message":"no","type":"invalid_request_error","code":"some_word_of_theirs"}}""", "validation_error", null)]
    [InlineData("""{"detail":[{"loc":["body"],"msg":"no such value"}]}""", "validation_error", null)]
    public async Task ReasonThatClientsBranchOn_KeepsItsCode_OnOpenAisSurfaceOnly(string body, string code, string? field)
    {
        var slug = await ConnectAsync(new UpstreamScript { Status = 400, Body = body });
        (await Admin.ChatAsync(slug)).Error(422, "VALIDATION_ERROR");
        Assert.Equal(field, (string?)(await Admin.ChatAsync(slug, path: OpenAi)).OpenAiError(400, code)["param"]);
    }

    [Fact]
    public async Task ReasonInsideAStream_KeepsItsCodeToo()
    {
        const string Events = """
            data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}

            data: {"error":{"message":"no","type":"invalid_request_error","code":"content_filter"}}


            """;
        var slug = await ConnectAsync(new UpstreamScript { Body = Events.ReplaceLineEndings("\n"), ContentType = "text/event-stream" });
        using var stream = await Admin.StreamAsync(slug, path: OpenAi);
        Assert.Contains("\"code\":\"content_filter\"", await stream.Response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("anthropic", "\"tools\":[{\"type\":\"function\",\"function\":{}}]", "tools[0].function.name")]
    [InlineData("google", "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"\"}}]", "tools[0].function.name")]
    [InlineData("mistral", "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":5}}]", "tools[0].function.name")]
    [InlineData("anthropic", "\"tool_choice\":\"required\"", "tool_choice")]
    [InlineData("google", "\"tools\":[],\"tool_choice\":\"required\"", "tool_choice")]
    public async Task ToolThatCannotBeTranslated_IsRefusedInItsPlace(string type, string tools, string field)
    {
        var upstream = $"upstream-{Guid.CreateVersion7():N}";
        var model = await RoutedModel.CreateAsync(Admin, [new(Grid.Upstream.BaseUrl, upstream, Type: type)]);
        var body = $$"""{"model":"{{model.Slug}}","messages":[{"role":"user","content":"hi"}],{{tools}}}""";
        Assert.Equal(field, (string?)(await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR")["details"]![0]!["field"]);
        Assert.Equal(field, (string?)(await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error")["param"]);
        Assert.Empty(Grid.Upstream.CallsOf(upstream));
    }

    [Theory]
    [InlineData("anthropic", "claude-haiku-4-5")]
    [InlineData("anthropic", "claude-opus-5")]
    [InlineData("google", "gemini-2.5-pro")]
    [InlineData("google", "gemini-3-pro")]
    [InlineData("qwen", "qwen3-max")]
    public async Task EffortThatIsUnknown_IsRefused_WithTheKnownOnes(string type, string upstream)
    {
        var model = await RoutedModel.CreateAsync(Admin, [new(Grid.Upstream.BaseUrl, upstream, Type: type)]);
        const string Message = "must be one of none, minimal, low, medium, high, xhigh, max.";
        var chat = $$"""{"model":"{{model.Slug}}","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"hgih"}""";
        var detail = (await Admin.SendAsync(HttpMethod.Post, Native, chat)).Error(422, "VALIDATION_ERROR")["details"]![0]!;
        Assert.Equal(("reasoning_effort", Message), ((string?)detail["field"], (string?)detail["message"]));
        Assert.Equal("reasoning_effort", (string?)(await Admin.SendAsync(HttpMethod.Post, OpenAi, chat)).OpenAiError(400, "validation_error")["param"]);
        var response = $$"""{"reasoning":{"effort":"hgih"},"model":"{{model.Slug}}","input":"hi"}""";
        Assert.Equal("reasoning.effort", (string?)(await Admin.SendAsync(HttpMethod.Post, "/oai/v1/responses", response)).OpenAiError(400, "validation_error")["param"]);
    }

    [Theory]
    [InlineData("anthropic", """{"role":"user","content":[{"type":"text","text":"a"},"b"]}""", "", "messages[0].content[1]")]
    [InlineData("google", """{"role":"user","content":[null,{"type":"text","text":"a"}]}""", "", "messages[0].content[0]")]
    [InlineData("mistral", """{"role":"user","content":[5]}""", "", "messages[0].content[0]")]
    [InlineData("google", """{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":"x"}""", "", "messages[1].tool_calls")]
    [InlineData("anthropic", """{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":[1]}""", "", "messages[1].tool_calls[0]")]
    [InlineData("anthropic", """{"role":"user","content":"a"}""", ""","stop":["a",1]""", "stop[1]")]
    [InlineData("google", """{"role":"user","content":"a"}""", ""","tools":["get_time"]""", "tools[0]")]
    public async Task ItemOfAnotherKind_IsRefusedInItsPlace(string type, string messages, string more, string field)
    {
        var upstream = $"upstream-{Guid.CreateVersion7():N}";
        var model = await RoutedModel.CreateAsync(Admin, [new(Grid.Upstream.BaseUrl, upstream, Type: type)]);
        var body = $$"""{"model":"{{model.Slug}}","messages":[{{messages}}]{{more}}}""";
        Assert.Equal(field, (string?)(await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR")["details"]![0]!["field"]);
        Assert.Empty(Grid.Upstream.CallsOf(upstream));
    }

    /// <summary>A client must be able to read the response before it has sent the whole body, and also if it sends the whole body first.</summary>
    [Theory]
    [InlineData(Native, "application/json", "A request has at most 32 MiB.", false)]
    [InlineData(OpenAi, "application/json", "A request has at most 32 MiB.", false)]
    [InlineData(Native, "application/json", "A request has at most 32 MiB.", true)]
    [InlineData(OpenAi, "application/json", "A request has at most 32 MiB.", true)]
    [InlineData("/v1/inference/audio/transcribe", "multipart/form-data; boundary=x", "The form is larger than 30 MB, of which the recording may have 25.", true)]
    public async Task BodyOf40Mebibytes_Is413(string path, string type, string text, bool sendsAll)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Admin.BaseAddress.Host, Admin.BaseAddress.Port);
        await using var stream = client.GetStream();
        const int Length = 40 * 1024 * 1024;
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Admin.Key}\r\nContent-Type: {type}\r\nContent-Length: {Length}\r\nConnection: close\r\n\r\n{{"));
        for (var sent = 1; sendsAll && sent < Length;)
        {
            var piece = Math.Min(64 * 1024, Length - sent);
            await stream.WriteAsync(new byte[piece]);
            sent += piece;
        }

        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 413", await reader.ReadLineAsync(), StringComparison.Ordinal);

        // Reads only to the end of the response: the connection stays open until the server has read more of the body.
        var answer = "";
        while (await reader.ReadLineAsync() is { } line && line != "0")
        {
            answer += line;
        }

        Assert.Contains(path == OpenAi ? "payload_too_large" : "PAYLOAD_TOO_LARGE", answer, StringComparison.Ordinal);
        Assert.Contains(text, answer, StringComparison.Ordinal);
    }

    /// <summary>OpenAI's clients retry after 408, but not after 400.</summary>
    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    [InlineData("/oai/v1/responses")]
    [InlineData("/v1/api-keys")]
    public async Task BodyThatStopsComing_Is408(string path)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Admin.BaseAddress.Host, Admin.BaseAddress.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {Admin.Key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"));
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 408", await reader.ReadLineAsync(), StringComparison.Ordinal);
        var rest = await reader.ReadToEndAsync();
        Assert.Contains(path.StartsWith("/oai", StringComparison.Ordinal) ? "\"code\":\"request_timeout\"" : "\"code\":\"REQUEST_TIMEOUT\"", rest, StringComparison.Ordinal);
        Assert.Contains("\"The body arrived too slowly or incompletely; send the request again.\"", rest, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChunkedBodyWithoutEnd_Is413()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Native) { Content = new StreamContent(new MemoryStream(new byte[34 * 1024 * 1024])) };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new("application/json");
        try
        {
            using var response = await Admin.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        }
        catch (HttpRequestException exception) when (exception.InnerException is IOException)
        {
            // The server closed the connection on the endless body, and the client was too busy sending to read the response. This is also a refusal.
        }
    }

    [Theory]
    [InlineData("/v1/nothing/here")]
    [InlineData("/nothing")]
    [InlineData("/v1/api-keys/apikey_01ARZ3NDEKTSV4RRFFQ69G5FAV/x")]
    public async Task UnknownRoute_Is404(string path) => (await Admin.GetAsync(path)).Error(404, "NOT_FOUND");

    [Fact]
    public async Task UnknownRouteOfOpenAi_HasItsShape() => (await Admin.GetAsync("/oai/v1/nothing")).OpenAiError(404, "not_found");

    [Fact]
    public async Task WrongMethod_Is405()
    {
        var answer = await Admin.DeleteAsync(Native);
        answer.Error(405, "METHOD_NOT_ALLOWED");
        Assert.Equal("POST", answer.Headers["Allow"]);
        (await Admin.DeleteAsync(OpenAi)).OpenAiError(405, "method_not_allowed");
    }

    [Fact]
    public async Task WrongContentType_Is415()
    {
        (await Admin.SendAsync(HttpMethod.Post, Native, Valid, "text/plain")).Error(415, "UNSUPPORTED_MEDIA_TYPE");
        (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", """{"name":"x"}""", "text/plain")).Error(415, "UNSUPPORTED_MEDIA_TYPE");
    }

    [Fact]
    public async Task CompressedBody_Is415_AndNamesTheHeader()
    {
        using var content = new ByteArrayContent([0x1f, 0x8b, 8, 0]);
        content.Headers.ContentType = new("application/json");
        content.Headers.ContentEncoding.Add("gzip");
        using var response = await Admin.Http.PostAsync(new Uri(OpenAi, UriKind.Relative), content, TestContext.Current.CancellationToken);
        var answer = new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), new Dictionary<string, string>());
        Assert.Contains("Content-Encoding", (string?)answer.OpenAiError(415, "unsupported_media_type")["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task RequestId_IsTheCallersWhereWellFormed()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/me");
        request.Headers.Add("X-Request-Id", "trace-1.A_b");
        using var kept = await Admin.Http.SendAsync(request);
        Assert.Equal("trace-1.A_b", string.Concat(kept.Headers.GetValues("X-Request-Id")));
        using var bad = new HttpRequestMessage(HttpMethod.Get, "/v1/me");
        bad.Headers.Add("X-Request-Id", "a b;c");
        using var replaced = await Admin.Http.SendAsync(bad);
        Assert.StartsWith("req_", string.Concat(replaced.Headers.GetValues("X-Request-Id")), StringComparison.Ordinal);
    }
}
