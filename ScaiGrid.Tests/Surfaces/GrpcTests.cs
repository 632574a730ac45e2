using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>The gRPC surface uses the same pipeline, keys and errors.</summary>
public sealed class GrpcTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Chat_Answers()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript { CachedTokens = 4 });
        var response = await CallAsync(client => client.ChatAsync(Request(slug), Key(Admin.Key!)).ResponseAsync);
        Assert.Equal("Hello world", response.Choices[0].Message.Content);
        Assert.Equal("stop", response.Choices[0].FinishReason);
        Assert.Equal(slug, response.Model);
        Assert.Equal(18, response.Usage.TotalTokens);
        Assert.Equal(4, response.Usage.CachedTokens);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal("grpc", (string?)row["protocol"]);
    }

    [Fact]
    public async Task Success_HasTheRequestId_ThatItsUsageHas()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript());
        using var channel = Channel();
        var client = new InferenceService.InferenceServiceClient(channel);
        using var whole = client.ChatAsync(Request(slug), Key(Admin.Key!));
        await whole.ResponseAsync;
        using var streamed = client.StreamChat(Request(slug), new Metadata { { "authorization", $"Bearer {Admin.Key}" }, { "x-request-id", "mine-1" } });
        await foreach (var chunk in streamed.ResponseStream.ReadAllAsync())
        {
            Assert.Equal(slug, chunk.Model);
        }

        var ids = new[] { await IdAsync(whole.ResponseHeadersAsync), await IdAsync(streamed.ResponseHeadersAsync) };
        Assert.StartsWith("req_", ids[0], StringComparison.Ordinal);
        Assert.Equal("mine-1", ids[1]);
        Assert.Equal(ids.Order(StringComparer.Ordinal), (await Admin.UsageAsync(slug, 2)).Select(row => (string)row["request_id"]!).Order(StringComparer.Ordinal));

        static async Task<string?> IdAsync(Task<Metadata> headers) => (await headers).GetValue("x-request-id");
    }

    [Fact]
    public async Task StreamChat_SendsChunksThenUsage()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript());
        using var channel = Channel();
        using var call = new InferenceService.InferenceServiceClient(channel).StreamChat(Request(slug), Key(Admin.Key!));
        var text = new StringBuilder();
        ChatChunk? last = null;
        await foreach (var chunk in call.ResponseStream.ReadAllAsync())
        {
            text.Append(string.Concat(chunk.Choices.Select(choice => choice.Content)));
            last = chunk;
        }

        Assert.Equal("Hello world", text.ToString());
        Assert.Equal(18, last!.Usage.TotalTokens);
        Assert.Equal(1, last.Routing.Attempts);
    }

    [Fact]
    public async Task ForcedTool_IsCalled()
    {
        var request = Request("scailabs/echo");
        request.Tools.Add(new Tool { Name = "weather", Description = "Weather" });
        request.ToolChoice = "weather";
        var response = await CallAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync);
        var call = Assert.Single(response.Choices[0].Message.ToolCalls);
        Assert.Equal("weather", call.Name);
        Assert.Equal("tool_calls", response.Choices[0].FinishReason);
    }

    [Fact]
    public async Task Embed_Answers()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript(), new { modality = "embedding" });
        var request = new EmbedRequest { Model = slug, Input = { "one", "two" } };
        var response = await CallAsync(client => client.EmbedAsync(request, Key(Admin.Key!)).ResponseAsync);
        Assert.Equal(slug, response.Model);
        Assert.Equal([0, 1], response.Data.Select(item => item.Index));
        Assert.Equal(FakeOperations.Vector, response.Data[1].Values);
        Assert.Equal(11, response.Usage.PromptTokens);
        Assert.Equal(1, response.Routing.Attempts);
        Assert.Equal("grpc", (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["protocol"]);

        var failure = await FailAsync(client => client.EmbedAsync(new EmbedRequest { Model = slug }, Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.InvalidArgument, "VALIDATION_ERROR");
        Assert.Contains("input", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UnsetValue_IsTheCallersMistake()
    {
        var request = Request("scailabs/echo");
        request.ResponseFormat = new Struct { Fields = { ["type"] = new Value() } };
        var failure = await FailAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.InvalidArgument, "VALIDATION_ERROR");
        Assert.Contains("response_format", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MessageUpToTheLimit_IsTaken()
    {
        var request = Request("scailabs/echo");
        request.Messages[0].Content = new string('x', 31 * 1024 * 1024);
        request.MaxTokens = 1;
        Assert.Equal("length", (await CallAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync)).Choices[0].FinishReason);
    }

    [Fact]
    public async Task Refusal_IsShown()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript
        {
            Body = """{"id":"c","created":1,"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}""",
        });
        var response = await CallAsync(client => client.ChatAsync(Request(slug), Key(Admin.Key!)).ResponseAsync);
        Assert.Equal((false, "I will not."), (response.Choices[0].Message.HasContent, response.Choices[0].Message.Refusal));
    }

    /// <summary>
    /// The caller sends the message back as it received it. The model gets its reasoning under the model's own field name, and OpenRouter's blocks.
    /// </summary>
    [Theory]
    [InlineData("reasoning_content", false)]
    [InlineData("reasoning_content", true)]
    [InlineData("reasoning", false)]
    [InlineData("reasoning", true)]
    public async Task Reasoning_SurvivesATurnWithTools(string name, bool isStream)
    {
        const string Details = """[{"type":"reasoning.text","text":"A tool.","signature":"s"}]""";
        var words = $$$"""{"role":"assistant","{{{name}}}":"A tool.","reasoning_details":{{{Details}}},"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_time","arguments":"{}"}}]}""";
        var slug = await ConnectAsync(
            new UpstreamScript
            {
                ContentType = isStream ? "text/event-stream" : "application/json",
                Body = isStream
                    ? $$"""data: {"id":"c","choices":[{"index":0,"delta":{{words}},"finish_reason":null}]}""" + "\n\n"
                        + """data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}""" + "\n\ndata: [DONE]\n\n"
                    : $$"""{"id":"c","choices":[{"index":0,"message":{{words}},"finish_reason":"tool_calls"}]}""",
            },
            out var model);
        await GrpcIdentityTests.KnownAsync(Grid.GrpcAddress, (await Admin.CreateKeyAsync()).Key);
        var request = Request(slug);
        request.Messages.Add(await AskAsync());
        request.Messages.Add(new ChatMessage { Role = "tool", ToolCallId = "call_1", Content = "12:00" });
        await AskAsync();
        var sent = JsonNode.Parse(Grid.Upstream.CallsOf(model)[^1].Body)!["messages"]![1]!.AsObject();
        Assert.Equal(["role", "tool_calls", name, "reasoning_details"], sent.Select(field => field.Key));
        Assert.Equal(("A tool.", Details), ((string?)sent[name], sent["reasoning_details"]!.ToJsonString()));

        async Task<ChatMessage> AskAsync()
        {
            if (!isStream)
            {
                return (await CallAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync)).Choices[0].Message;
            }

            using var channel = Channel();
            using var call = new InferenceService.InferenceServiceClient(channel).StreamChat(request, Key(Admin.Key!));
            var message = new ChatMessage { Role = "assistant" };
            await foreach (var chunk in call.ResponseStream.ReadAllAsync())
            {
                foreach (var delta in chunk.Choices)
                {
                    message.ToolCalls.Add(delta.ToolCalls);
                    message.Reasoning = delta.HasReasoning ? delta.Reasoning : message.Reasoning;
                    message.ReasoningDetails = delta.HasReasoningDetails ? delta.ReasoningDetails : message.ReasoningDetails;
                    message.ExtraContent = delta.HasExtraContent ? delta.ExtraContent : message.ExtraContent;
                }
            }

            if (message.ExtraContent.Length == 0)
            {
                message.ClearExtraContent();
            }

            return message;
        }
    }

    [Fact]
    public async Task MessageBeyondTheLimit_HasOurTrailers()
    {
        var request = Request("scailabs/echo");
        request.Messages[0].Content = new string('x', 33 * 1024 * 1024);
        AssertError(await FailAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync), StatusCode.ResourceExhausted, "PAYLOAD_TOO_LARGE");
    }

    [Theory]
    [InlineData("Chat", new byte[] { 0, 0, 0, 0, 2, 0xFF, 0xFF })]
    [InlineData("StreamChat", new byte[] { 0, 0, 0, 0, 2, 0xFF, 0xFF })]
    [InlineData("Chat", new byte[] { 0, 0, 0, 0, 9, 1 })]
    public async Task WhatIsNoMessage_IsAnInvalidArgument(string method, byte[] frame)
    {
        using var response = await RawGrpc.SendAsync(Grid.GrpcAddress, $"scaigrid.v1.InferenceService/{method}", new ByteArrayContent(frame), Admin.Key);
        Assert.Equal(("3", "BAD_REQUEST"), response.Outcome());
        Assert.StartsWith("req_", response.Headers.GetValues("x-request-id").Single(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Chat", null, "AUTH_TOKEN_MISSING")]
    [InlineData("StreamChat", "sgk_wrong-key-0123456789abcdefghijklmnopqrstuv", "AUTH_TOKEN_INVALID")]
    public async Task Stranger_IsRefused_BeforeTheMessageIsRead(string method, string? key, string code)
    {
        using var message = new StalledMessage(announced: 1000, sent: 100);
        using var response = await RawGrpc.SendAsync(Grid.GrpcAddress, $"scaigrid.v1.InferenceService/{method}", message, key);
        Assert.Equal(("16", code), response.Outcome());

        // Printable ASCII stands for itself: not every client decodes the message.
        Assert.DoesNotMatch("%[2-7]", response.Headers.GetValues("grpc-message").Single());
    }

    /// <summary>A few bytes would become many, which nothing counts.</summary>
    [Fact]
    public async Task CompressedMessage_IsNotAccepted()
    {
        using var message = new MemoryStream();
        await using (var gzip = new GZipStream(message, CompressionLevel.Optimal, leaveOpen: true))
        {
            await gzip.WriteAsync(Request("scailabs/echo").ToByteArray());
        }

        byte[] frame = [1, 0, 0, 0, (byte)message.Length, .. message.ToArray()];
        using var response = await RawGrpc.SendAsync(Grid.GrpcAddress, "scaigrid.v1.InferenceService/Chat", new ByteArrayContent(frame), Admin.Key);
        Assert.Equal("12", response.Outcome().Status);
    }

    /// <summary>Two bytes each as they are sent, and two hundred as they are read.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task MessageOfMillionsOfFields_IsRefused_BeforeTheyAreMade(bool isNested)
    {
        var request = Request("scailabs/echo");
        for (var i = 0; i < 300_000; i++)
        {
            if (isNested)
            {
                request.Messages[0].Parts.Add(new ContentPart());
            }
            else
            {
                request.Messages.Add(new ChatMessage());
            }
        }

        var failure = await FailAsync(client => client.ChatAsync(request, Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.ResourceExhausted, "PAYLOAD_TOO_LARGE");
        Assert.Contains("fields", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task LargeMessage_ToWhatIsOpen_IsRefused()
    {
        using var channel = Channel();
        var failure = await Assert.ThrowsAsync<RpcException>(
            () => new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = new string('x', 100_000) }).ResponseAsync);
        AssertError(failure, StatusCode.ResourceExhausted, "PAYLOAD_TOO_LARGE");
    }

    [Fact]
    public async Task ListModels_ShowsWhatTheCallerMayUse()
    {
        var response = await CallAsync(client => client.ListModelsAsync(new ListModelsRequest { Limit = 1000 }, Key(Admin.Key!)).ResponseAsync);
        Assert.Contains(response.Models, model => model.Slug == "scailabs/echo");
    }

    [Fact]
    public async Task ServiceToken_IsACaller()
    {
        var response = await CallAsync(client => client.ChatAsync(Request("scailabs/echo"), Key(Secrets.ServiceToken)).ResponseAsync);
        Assert.Equal("hi", response.Choices[0].Message.Content);
    }

    [Theory]
    [InlineData(null, StatusCode.Unauthenticated, "AUTH_TOKEN_MISSING")]
    [InlineData("sgk_wrong-key-0123456789abcdefghijklmnopqrstuv", StatusCode.Unauthenticated, "AUTH_TOKEN_INVALID")]
    [InlineData("wrong-service-token-0123456789abcdefghijklm", StatusCode.Unauthenticated, "SERVICE_TOKEN_INVALID")]
    public async Task MissingOrWrongToken_IsUnauthenticated(string? token, StatusCode status, string code)
    {
        var failure = await FailAsync(client => client.ChatAsync(Request("scailabs/echo"), token is null ? [] : Key(token)).ResponseAsync);
        AssertError(failure, status, code);
    }

    [Fact]
    public async Task Errors_HaveStatusAndCode()
    {
        AssertError(await FailAsync(client => client.ChatAsync(Request("no/such-model"), Key(Admin.Key!)).ResponseAsync), StatusCode.NotFound, "MODEL_NOT_FOUND");
        var invalid = Request("scailabs/echo");
        invalid.Temperature = 9;
        var failure = await FailAsync(client => client.ChatAsync(invalid, Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.InvalidArgument, "VALIDATION_ERROR");
        Assert.Contains("temperature", failure.Status.Detail, StringComparison.Ordinal);
        failure = await FailAsync(client => client.ChatAsync(Request(""), Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.InvalidArgument, "VALIDATION_ERROR");
        Assert.Contains("model", failure.Status.Detail, StringComparison.Ordinal);

        var limited = await ConnectOnAllReplicasAsync(new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "9" } });
        failure = await FailAsync(client => client.ChatAsync(Request(limited), Key(Admin.Key!)).ResponseAsync);
        AssertError(failure, StatusCode.ResourceExhausted, "BACKEND_RATE_LIMITED");
        Assert.Equal("9", failure.Trailers.GetValue("retry-after"));
    }

    [Fact]
    public async Task UpstreamDiesMidStream_EndsWithAStatus()
    {
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript { CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(50) });
        using var channel = Channel();
        using var call = new InferenceService.InferenceServiceClient(channel).StreamChat(Request(slug), Key(Admin.Key!));
        var chunks = 0;
        var failure = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var chunk in call.ResponseStream.ReadAllAsync())
            {
                chunks++;
            }
        });
        Assert.Equal(2, chunks);
        AssertError(failure, StatusCode.Unavailable, "BACKEND_ERROR");
    }

    [Fact]
    public async Task HealthAndReflection_AreOpen()
    {
        using var channel = Channel();
        var health = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);

        using var reflection = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
        await reflection.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await reflection.ResponseStream.MoveNext(CancellationToken.None));
        var services = reflection.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name).ToList();
        Assert.Contains("scaigrid.v1.InferenceService", services);
        Assert.Contains("grpc.health.v1.Health", services);

        // As grpcurl does: it looks up the symbol's file, and the methods in the file.
        await reflection.RequestStream.WriteAsync(new ServerReflectionRequest { FileContainingSymbol = "scaigrid.v1.InferenceService" });
        Assert.True(await reflection.ResponseStream.MoveNext(CancellationToken.None));
        var file = FileDescriptorProto.Parser.ParseFrom(reflection.ResponseStream.Current.FileDescriptorResponse.FileDescriptorProto[0]);
        Assert.Equal(["Chat", "StreamChat", "Embed", "ListModels"], file.Service.Single().Method.Select(method => method.Name));
        await reflection.RequestStream.CompleteAsync();
    }

    // The models are created through another process, and a key after them: a replica that knows the key knows the models.
    private async Task<string> ConnectOnAllReplicasAsync(UpstreamScript script, object? modelFields = null)
    {
        var slug = await ConnectAsync(script, modelFields: modelFields);
        await GrpcIdentityTests.KnownAsync(Grid.GrpcAddress, (await Admin.CreateKeyAsync()).Key);
        return slug;
    }

    private static ChatRequest Request(string model) => new() { Model = model, Messages = { new ChatMessage { Role = "user", Content = "hi" } } };

    private static Metadata Key(string key) => new() { { "authorization", $"Bearer {key}" } };

    private static void AssertError(RpcException failure, StatusCode status, string code)
    {
        Assert.Equal(status, failure.StatusCode);
        Assert.Equal(code, failure.Trailers.GetValue("scaigrid-error-code"));
        Assert.StartsWith("req_", Assert.Single(failure.Trailers, entry => entry.Key == "x-request-id").Value, StringComparison.Ordinal);
    }

    private GrpcChannel Channel() => GrpcChannel.ForAddress(Grid.GrpcAddress);

    private async Task<T> CallAsync<T>(Func<InferenceService.InferenceServiceClient, Task<T>> call)
    {
        using var channel = Channel();
        return await call(new InferenceService.InferenceServiceClient(channel));
    }

    private Task<RpcException> FailAsync<T>(Func<InferenceService.InferenceServiceClient, Task<T>> call) =>
        Assert.ThrowsAsync<RpcException>(() => CallAsync(call));
}
