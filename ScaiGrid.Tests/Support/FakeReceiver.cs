using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Tests.Support;

/// <summary>A receiver of webhooks: accepts events at any path, runs the test's script for it, and records them.</summary>
public sealed class FakeReceiver : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<ReceivedEvent>> _received = new();
    private readonly ConcurrentDictionary<string, Func<HttpContext, Task>> _scripts = new();
    private readonly WebApplication _app;

    private FakeReceiver(WebApplication app) => _app = app;

    public static async Task<FakeReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var receiver = new FakeReceiver(app);
        app.Run(receiver.ReceiveAsync);
        await app.StartAsync();
        return receiver;
    }

    public string UrlOf(string name) => $"{_app.Urls.First()}/{name}";

    /// <summary>Sets the script of the receiver called <paramref name="name"/>; without one it accepts everything.</summary>
    public void Play(string name, Func<HttpContext, Task> script) => _scripts[name] = script;

    public void Fail(string name, int status = 500) => Play(name, context =>
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    });

    public void Hang(string name) => Play(name, context => Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted));

    public IReadOnlyList<ReceivedEvent> Of(string name) => _received.TryGetValue(name, out var events) ? [.. events] : [];

    public int CountOf(string name) => _received.TryGetValue(name, out var events) ? events.Count : 0;

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }

    private async Task ReceiveAsync(HttpContext context)
    {
        var name = context.Request.Path.Value!.Trim('/');
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        _received.GetOrAdd(name, _ => new()).Enqueue(new ReceivedEvent(
            body.ToArray(), context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString()), TimeProvider.System.GetUtcNow()));
        if (_scripts.TryGetValue(name, out var script))
        {
            try
            {
                await script(context);
            }
            catch (OperationCanceledException)
            {
                // The sender timed out.
            }
        }
    }
}

public sealed record ReceivedEvent(byte[] Body, IReadOnlyDictionary<string, string> Headers, DateTimeOffset At)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    public string Id => Headers["X-ScaiGrid-Event-Id"];

    public string Type => Headers["X-ScaiGrid-Event-Type"];
}
