using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Tests.Inference.Providers.Conformance;

namespace ScaiGrid.Tests.Support;

/// <summary>A fake vendor API: answers by path, and records the calls.</summary>
public sealed class FakeVendor : IAsyncDisposable
{
    private readonly ScriptedUpstream _server = new();
    private readonly ConcurrentDictionary<string, Func<HttpContext, Task>> _answers = new();

    private FakeVendor()
    {
    }

    public const string Key = "vendor-key-0123456789";

    /// <summary>The server's address without a path.</summary>
    public string Address { get; private set; } = "";

    public ConcurrentQueue<VendorCall> Calls { get; } = new();

    public static async Task<FakeVendor> StartAsync()
    {
        var vendor = new FakeVendor();
        await vendor._server.InitializeAsync();
        vendor.Address = vendor._server.Play(vendor.AnswerAsync);
        return vendor;
    }

    /// <param name="path">The path from the vendor's root, including the query.</param>
    /// <param name="json">The response.</param>
    public FakeVendor At(string path, string json) => At(path, context => context.AnswerAsync(json));

    /// <inheritdoc cref="At(string, string)"/>
    public FakeVendor At(string path, Func<VendorCall, string> json) => At(path, context => context.AnswerAsync(json(Calls.Last())));

    /// <inheritdoc cref="At(string, string)"/>
    public FakeVendor At(string path, byte[] bytes, string contentType) => At(path, async context =>
    {
        context.Response.ContentType = contentType;
        await context.Response.Body.WriteAsync(bytes);
    });

    /// <summary>Connects a backend to it, and returns the model's slug.</summary>
    public async Task<string> ConnectAsync(ApiDriver admin, string type, string modality, string path = "", object? config = null, object? modelFields = null, string model = "their-model")
    {
        var provider = await ConnectProviderAsync(admin, type, path, config);
        var backend = (await admin.PostAsync("/v1/backends", new { provider_id = provider, model })).Created();
        var fields = System.Text.Json.JsonSerializer.SerializeToNode(modelFields ?? new { })!.AsObject();
        var slug = $"vendor/{Guid.CreateVersion7().ToString("N")[^12..]}";
        (fields["slug"], fields["modality"]) = (slug, modality);
        var made = (await admin.SendAsync(HttpMethod.Post, "/v1/models", fields.ToJsonString())).Created();
        (await admin.PutAsync(
            $"/v1/models/{(string)made["id"]!}/routing", new { targets = new[] { new { backend_id = (string)backend["id"]!, weight = 1, priority = 0 } } })).Ok();
        return slug;
    }

    public async Task<string> ConnectProviderAsync(ApiDriver admin, string type, string path = "", object? config = null)
    {
        var settings = System.Text.Json.JsonSerializer.SerializeToNode(config ?? new { })!.AsObject();
        (settings["base_url"], settings["api_key"]) = (Address + path, Key);
        var body = new JsonObject { ["name"] = $"vendor-{Guid.CreateVersion7().ToString("N")[^12..]}", ["type"] = type, ["config"] = settings };
        return (string)(await admin.SendAsync(HttpMethod.Post, "/v1/providers", body.ToJsonString())).Created()["id"]!;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private FakeVendor At(string path, Func<HttpContext, Task> answer)
    {
        _answers[path] = answer;
        return this;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = $"/{string.Join('/', context.Request.Path.Value!.Split('/')[2..])}{context.Request.QueryString}";
        context.Request.Body.Position = 0;
        using var reader = new StreamReader(context.Request.Body, Encoding.Latin1);
        Calls.Enqueue(new VendorCall(path, await reader.ReadToEndAsync(), context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString())));
        if (_answers.TryGetValue(path, out var answer))
        {
            await answer(context);
        }
        else
        {
            await context.AnswerAsync("""{"error":{"message":"no such path"}}""", 404);
        }
    }
}

public sealed record VendorCall(string Path, string Body, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The body without white space.</summary>
    public string Json => JsonNode.Parse(Body)!.ToJsonString();
}
