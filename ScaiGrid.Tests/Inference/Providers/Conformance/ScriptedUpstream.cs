using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>An HTTP server for many tests: each test has its own first path segment, and its script answers all requests below it.</summary>
public sealed class ScriptedUpstream : IAsyncLifetime
{
    private readonly ConcurrentDictionary<string, Func<HttpContext, Task>> _scripts = new();
    private WebApplication _app = null!;

    /// <summary>The certificate for TLS; null for plain text.</summary>
    public TestCertificate? Certificate { get; init; }

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, endpoint =>
        {
            if (Certificate is not null)
            {
                endpoint.UseHttps(Certificate.Certificate);
            }
        }));
        _app = builder.Build();
        _app.Run(PlayAsync);
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <returns>The base URL for the provider.</returns>
    public string Play(Func<HttpContext, Task> script)
    {
        var segment = Guid.CreateVersion7().ToString("N");
        _scripts[segment] = script;
        return $"{_app.Urls.First()}/{segment}";
    }

    private async Task PlayAsync(HttpContext context)
    {
        // The whole body is read first: a client that is still sending would see a reset instead of the response. Scripts can read it again.
        context.Request.EnableBuffering();
        await context.Request.Body.CopyToAsync(Stream.Null);
        var segment = context.Request.Path.Value!.Split('/')[1];
        try
        {
            await _scripts[segment](context);
        }
        catch (OperationCanceledException)
        {
            // The provider closed the connection. Scripts that care check for it themselves.
        }
    }
}

/// <summary>The steps of scripts.</summary>
internal static class ScriptSteps
{
    public static async Task AnswerAsync(this HttpContext context, string body, int status = 200, params (string Name, string Value)[] headers)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        foreach (var (name, value) in headers)
        {
            context.Response.Headers[name] = value;
        }

        await context.Response.WriteAsync(body, context.RequestAborted);
    }

    public static async Task SendAsync(this HttpContext context, params IEnumerable<string> events)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = "text/event-stream";
            context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        }

        foreach (var text in events)
        {
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }
}
