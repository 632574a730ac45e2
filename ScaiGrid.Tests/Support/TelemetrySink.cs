using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Tests.Support;

/// <summary>Receives the OTLP exports of a process and keeps the bytes, in which texts appear unchanged.</summary>
public sealed class TelemetrySink : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _received = new();
    private readonly WebApplication _app;

    private TelemetrySink(WebApplication app) => _app = app;

    /// <summary>Environment variables that make a mode export to it with a short delay.</summary>
    public Dictionary<string, string> Settings => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.First(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "1000",
    };

    public static async Task<TelemetrySink> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var sink = new TelemetrySink(app);
        app.Run(sink.ReceiveAsync);
        await app.StartAsync();
        return sink;
    }

    /// <summary>All received bodies of a signal: <c>traces</c>, <c>logs</c> or <c>metrics</c>.</summary>
    public IReadOnlyList<byte[]> Of(string signal) =>
        [.. _received.Where(received => received.Path.EndsWith(signal, StringComparison.Ordinal)).Select(received => received.Body)];

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        _received.Enqueue((context.Request.Path.Value!, body.ToArray()));
    }
}
