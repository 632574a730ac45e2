using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using ScaiGrid.Core.Identity;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>What a request may hold, and that no surface makes it longer than another.</summary>
public sealed class RequestSizeTests(Grid grid) : GridTest(grid)
{
    /// <summary>Escapes take up to six times the memory, and count as tokens when the call is reserved.</summary>
    [Fact]
    public async Task TextIsSentAsItIs_FromEverySurface()
    {
        var text = $"Привет, 'мир' & <others>, {Guid.CreateVersion7():N}";
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript());
        (await Admin.SendAsync(HttpMethod.Post, "/oai/v1/completions", $$"""{"model":"{{slug}}","prompt":["{{text}}"]}""")).Body();
        (await Admin.SendAsync(HttpMethod.Post, "/v1/inference/generate", $$"""{"model":"{{slug}}","prompt":"{{text}}"}""")).Ok();
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress);
        var request = new ChatRequest { Model = slug, Messages = { new ChatMessage { Role = "user", Content = text } } };
        await new InferenceService.InferenceServiceClient(channel).ChatAsync(request, Key(Admin.Key!));
        Assert.Equal(3, Grid.Upstream.Calls.Count(call => call.Body.Contains(text, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task LongTextOverGrpc_ArrivesWhole()
    {
        var text = string.Concat(Enumerable.Repeat("мир\n\"🌍\" ", 100_000)) + Guid.CreateVersion7();
        var slug = await ConnectOnAllReplicasAsync(new UpstreamScript());
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress);
        var request = new ChatRequest { Model = slug, Messages = { new ChatMessage { Role = "user", Content = text } } };
        await new InferenceService.InferenceServiceClient(channel).ChatAsync(request, Key(Admin.Key!));
        var received = Assert.Single(Grid.Upstream.Calls, call => call.Body.Contains(text[^36..], StringComparison.Ordinal));
        Assert.Equal(text, (string?)JsonNode.Parse(received.Body)!["messages"]![0]!["content"]);
    }

    [Fact]
    public async Task TextThatGrowsInJson_IsRefusedOverGrpc()
    {
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress, new GrpcChannelOptions { MaxSendMessageSize = null });
        var request = new ChatRequest { Model = "scailabs/echo", Messages = { new ChatMessage { Role = "user", Content = new string('\u0001', 6 * 1024 * 1024) } } };
        var failure = await Assert.ThrowsAsync<RpcException>(() => new InferenceService.InferenceServiceClient(channel).ChatAsync(request, Key(Admin.Key!)).ResponseAsync);
        Assert.Equal("PAYLOAD_TOO_LARGE", failure.Trailers.GetValue("scaigrid-error-code"));
    }

    [Theory]
    [InlineData("/v1/inference/chat", """ "messages":[{"role":"user","content":"a"}] """)]
    [InlineData("/v1/inference/embed", """ "input":"a" """)]
    [InlineData("/v1/inference/generate", """ "prompt":"a" """)]
    public async Task MoreFieldsThanARequestMayHave_AreRefused(string path, string field)
    {
        (await Admin.SendAsync(HttpMethod.Post, path, Body(998))).Error(404, "MODEL_NOT_FOUND");
        var error = (await Admin.SendAsync(HttpMethod.Post, path, Body(999))).Error(422, "VALIDATION_ERROR");
        Assert.Contains("at most 1000 fields", error.ToJsonString(), StringComparison.Ordinal);

        string Body(int more) => $$"""{"model":"no/such","{{field.Trim()[1..]}},{{string.Join(',', Enumerable.Range(0, more).Select(i => $"\"x{i}\":1"))}}}""";
    }

    /// <summary>As on the HTTP surface.</summary>
    [Fact]
    public async Task KeyThatMayUseModels_ListsThemOverGrpc()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var (_, key) = await tenant.CreateKeyAsync(user.Id, Permissions.UseModels);
        await GrpcIdentityTests.KnownAsync(Grid.GrpcAddress, key);
        using var channel = GrpcChannel.ForAddress(Grid.GrpcAddress);
        await new InferenceService.InferenceServiceClient(channel).ListModelsAsync(new ListModelsRequest(), Key(key));
    }

    private async Task<string> ConnectOnAllReplicasAsync(UpstreamScript script)
    {
        var slug = await ConnectAsync(script);
        await GrpcIdentityTests.KnownAsync(Grid.GrpcAddress, (await Admin.CreateKeyAsync()).Key);
        return slug;
    }

    private static Metadata Key(string key) => new() { { "authorization", $"Bearer {key}" } };
}
