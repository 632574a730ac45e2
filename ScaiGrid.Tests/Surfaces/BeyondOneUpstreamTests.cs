using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Limits of one upstream that only its error reveals, and that another upstream may not have.</summary>
public sealed class BeyondOneUpstreamTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/chat";
    private const string OpenAi = "/oai/v1/chat/completions";

    /// <summary>Anthropic's limit on the total size of schemas is known only from the error.</summary>
    [Theory]
    [InlineData("The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas or reduce the number of strict tools.")]
    [InlineData("Schema is too complex for compilation.")]
    public async Task SchemasBeyondOneUpstream_AreAnothers(string message)
    {
        var strict = Script(new UpstreamScript { Status = 400, Body = $$$"""{"type":"error","error":{"type":"invalid_request_error","message":"{{{message}}}"}}""" });
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var model = await RoutedModel.CreateAsync(Admin, [strict, good], new { retry = new { max_attempts = 1, on = Array.Empty<string>() } });
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(model.Backends[1], (string?)(await Admin.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]);
        }

        Assert.Equal("closed", await model.StateAsync(0));

        // Without another target the caller gets the error, and the backend that returned it.
        var alone = await RoutedModel.CreateAsync(Admin, [strict]);
        var answer = await Admin.ChatAsync(alone.Slug);
        Assert.Equal(message, (string?)answer.Error(422, "VALIDATION_ERROR")["message"]);
        Assert.Equal((alone.Backends[0], "1"), (answer.Headers["X-Scaigrid-Backend"], answer.Headers["X-Scaigrid-Attempts"]));
        (await Admin.ChatAsync(alone.Slug, path: OpenAi)).OpenAiError(400, "validation_error");
    }

    /// <summary>
    /// A request with more tokens than the limit per minute can never succeed, so it is not treated as rate limited, whatever the status, streamed or not.
    /// </summary>
    [Theory]
    [InlineData(413, "Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size.")]
    [InlineData(413, "Too many tokens.")]
    [InlineData(429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389. The input or output tokens must be reduced.")]
    [InlineData(200, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 342389. The input or output tokens must be reduced.")]
    public async Task RequestTooLargeForOneUpstream_IsAnothers_AndNoRateLimit(int status, string message)
    {
        // The messages name the operator's account, which callers must not see.
        var text = message.Replace(" on tokens", " in organization `org_01h` on tokens", StringComparison.Ordinal);
        var small = Script(new UpstreamScript
        {
            Status = status,
            Headers = new Dictionary<string, string> { ["Retry-After"] = "120" },
            Body = $$$"""{"error":{"message":"{{{text}}}","type":"tokens","param":null,"code":"rate_limit_exceeded"}}""",
        });
        var good = Script(new UpstreamScript()) with { Priority = 1 };
        var model = await RoutedModel.CreateAsync(Admin, [small, good], new { retry = new { max_attempts = 1, on = Array.Empty<string>() } });
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(model.Backends[1], (string?)(await Admin.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]);
        }

        Assert.Equal("closed", await model.StateAsync(0));
        var alone = await RoutedModel.CreateAsync(Admin, [small]);
        Assert.Equal(message, (string?)(await Admin.ChatAsync(alone.Slug)).Error(413, "PAYLOAD_TOO_LARGE")["message"]);
        (await Admin.ChatAsync(alone.Slug, path: OpenAi)).OpenAiError(413, "payload_too_large");
        (await Admin.PostAsync(Native, new { model = alone.Slug, stream = true, messages = new[] { new { role = "user", content = "hi" } } })).Error(413, "PAYLOAD_TOO_LARGE");
    }

    /// <summary>Groq reports invalid output of its model with status 400 and the error type of an invalid request.</summary>
    [Theory]
    [InlineData(400, "tool_use_failed", false)]
    [InlineData(400, "tool_use_failed", true)]
    [InlineData(400, "json_validate_failed", false)]
    [InlineData(200, "tool_use_failed", true)]
    public async Task WhatAModelWroteWrong_IsAnothersToTry_AndNotTheCallersFault(int status, string code, bool stream)
    {
        var document = $$$"""{"error":{"message":"Adjust your prompt. See 'failed_generation'.","type":"invalid_request_error","code":"{{{code}}}","failed_generation":"<function=f{","status_code":400}}""";
        var clumsy = Script(status == 200
            ? new UpstreamScript { Body = $"event: error\ndata: {document}\n\n", ContentType = "text/event-stream" }
            : new UpstreamScript { Status = status, Body = document });
        var model = await RoutedModel.CreateAsync(Admin, [clumsy, Script(new UpstreamScript()) with { Priority = 1 }]);
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(200, (int)(await SendAsync(model.Slug)).Status);
        }

        Assert.Equal("closed", await model.StateAsync(0));
        var error = (await SendAsync((await RoutedModel.CreateAsync(Admin, [clumsy])).Slug)).Error(502, "BACKEND_ERROR");
        Assert.Equal("Adjust your prompt. See 'failed_generation'.", (string?)error["message"]);

        Task<Answer> SendAsync(string slug) => Admin.PostAsync(Native, new { model = slug, stream, messages = new[] { new { role = "user", content = "hi" } } });
    }

    /// <summary>Failures of the upstream itself that come with the status of a client error or of a success.</summary>
    [Theory]
    [InlineData(400, "rate_limited", """ "type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC." """)]
    [InlineData(400, "rate_limited", """ "type":"invalid_request_error","message":"You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC." """)]
    [InlineData(424, "model_failed", """ "message":"Request failed during generation","type":"generation" """)]
    [InlineData(425, "server_error", "")]
    [InlineData(498, "rate_limited", """ "message":"Flex tier is full.","type":"invalid_request_error","code":"capacity_exceeded" """)]
    [InlineData(499, "server_error", """ "code":499,"message":"The operation was cancelled.","status":"CANCELLED" """)]
    [InlineData(200, "rate_limited", """ "message":"Flex tier is full.","type":"invalid_request_error","code":"capacity_exceeded" """)]
    [InlineData(200, "server_error", """ "message":"The operation was cancelled.","status":"CANCELLED" """)]
    public async Task FailureUnderTheStatusOfAMistake_IsTriedElsewhere(int status, string outcome, string error)
    {
        var failing = Script(new UpstreamScript { Status = status, Body = $$$"""{"error":{{{{error}}}}}""" });
        var model = await RoutedModel.CreateAsync(Admin, [failing, Script(new UpstreamScript()) with { Priority = 1 }]);
        var routing = (await Admin.ChatAsync(model.Slug)).Ok()["routing"]!;
        Assert.Equal((model.Backends[1], outcome), ((string?)routing["backend_id"], (string?)routing["failed_attempts"]![0]!["outcome"]));
    }

    /// <summary>xAI refuses content with 403, charges for each such request, and names the operator's account in the text.</summary>
    [Theory]
    [InlineData(
        "content_policy_violation",
        "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO",
        """
        {"code":"The caller does not have permission to execute the specified operation",
         "error":"Content violates usage guidelines. Team: 0a1b-22, API key ID: 2c3d-44, Model: grok-4, Failed check: SAFETY_CHECK_TYPE_BIO"}
        """)]
    [InlineData("context_length_exceeded", "The prompt is too long.", """{"error":{"message":"The prompt is too long.","type":"invalid_request_error"}}""")]
    public async Task RequestThatIsRefusedWith403_IsTheCallersMatter_AndTheBackendStaysFirst(string code, string told, string body)
    {
        var refusing = Script(new UpstreamScript { Status = 403, Body = body });
        var model = await RoutedModel.CreateAsync(Admin, [refusing, Script(new UpstreamScript()) with { Priority = 1 }]);
        for (var i = 0; i < 4; i++)
        {
            var error = (await Admin.ChatAsync(model.Slug)).Error(422, "VALIDATION_ERROR");
            Assert.Equal(told, (string?)error["message"]);
        }

        (await Admin.ChatAsync(model.Slug, path: OpenAi)).OpenAiError(400, code);
        Grid.Upstream.Play(refusing.Model, new UpstreamScript());
        Assert.Equal(model.Backends[0], (string?)(await Admin.ChatAsync(model.Slug)).Ok()["routing"]!["backend_id"]);
    }

    private RoutedBackend Script(UpstreamScript script)
    {
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, script);
        return new RoutedBackend(Grid.Upstream.BaseUrl, model);
    }
}
