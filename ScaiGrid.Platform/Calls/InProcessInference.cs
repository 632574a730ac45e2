using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Platform.Calls;

/// <summary>The response of an inference endpoint.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The response body.</param>
/// <param name="Headers">The response headers.</param>
/// <param name="RetryAfter">The time after which a retry may succeed.</param>
/// <param name="Problem">Why it failed; null if it succeeded.</param>
internal sealed record InferenceAnswer(int Status, ReadOnlyMemory<byte> Body, IHeaderDictionary Headers, TimeSpan? RetryAfter, Problem? Problem)
{
    public bool Succeeded => Status is >= 200 and < 300;
}

/// <summary>
/// Calls the inference endpoints within the process: calls that the platform makes on behalf of a caller (batches, sessions) use the same
/// code as the caller's own. Authentication and the permission check, which HTTP calls pass first, are up to the code that uses this class.
/// </summary>
internal sealed class InProcessInference
{
    /// <summary>The pause after a problem that lasts until an administrator changes something. A caller would not wait for that; a batch has hours.</summary>
    private static readonly TimeSpan UntilChanged = TimeSpan.FromSeconds(5);

    private readonly IServiceScopeFactory _scopes;
    private readonly FrozenDictionary<string, RequestDelegate> _endpoints;

    public InProcessInference(IServiceProvider services)
    {
        _scopes = services.GetRequiredService<IServiceScopeFactory>();
        var routes = new Routes(services);
        routes.MapInference();
        var logger = services.GetRequiredService<ILogger<ErrorHandling>>();
        _endpoints = routes.DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods.Contains(HttpMethods.Post) == true)
            .ToFrozenDictionary(endpoint => endpoint.RoutePattern.RawText!, endpoint => Handle(endpoint, logger));
    }

    public bool Has(string path) => _endpoints.ContainsKey(path);

    /// <summary>Posts a JSON document and returns the whole response.</summary>
    public async Task<InferenceAnswer> PostAsync(Caller caller, string path, ReadOnlyMemory<byte> body, string requestId, CancellationToken cancellationToken)
    {
        using var answer = new MemoryStream();
        var response = await PostAsync(caller, path, body, requestId, answer, started: _ => { }, cancellationToken);
        var problem = response.HttpContext.Features.Get<Problem>();
        TimeSpan? retryAfter = int.TryParse(response.Headers.RetryAfter, out var seconds) ? TimeSpan.FromSeconds(seconds) : problem is { IsLasting: true } ? UntilChanged : null;
        return new InferenceAnswer(response.StatusCode, answer.ToArray(), response.Headers, retryAfter, problem);
    }

    /// <summary>Posts a JSON document; the response is written to <paramref name="answer"/> as it arrives.</summary>
    /// <param name="caller">The caller of the model.</param>
    /// <param name="path">A path for which <see cref="Has"/> is true.</param>
    /// <param name="body">The document.</param>
    /// <param name="requestId">The request id for responses, logs and accounting.</param>
    /// <param name="answer">Receives the response body.</param>
    /// <param name="started">Called before the first byte, when status and headers are known.</param>
    /// <param name="cancellationToken">Cancelled when the caller disconnects.</param>
    public async Task<HttpResponse> PostAsync(
        Caller caller, string path, ReadOnlyMemory<byte> body, string requestId, Stream answer, Action<HttpResponse> started, CancellationToken cancellationToken)
    {
        await using var scope = _scopes.CreateAsyncScope();
        var context = new DefaultHttpContext { RequestServices = scope.ServiceProvider, RequestAborted = cancellationToken, TraceIdentifier = requestId };
        context.Features.Set(caller);
        context.Request.Method = HttpMethods.Post;
        context.Request.Path = path;
        context.Request.ContentType = "application/json";
        context.Request.ContentLength = body.Length;
        context.Request.Body = new MemoryStream(body.ToArray(), writable: false);
        context.Response.Body = new StartedStream(answer, () => started(context.Response));
        await _endpoints[path](context);
        await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
        return context.Response;
    }

    private static RequestDelegate Handle(RouteEndpoint endpoint, ILogger<ErrorHandling> logger)
    {
        var handling = new ErrorHandling(
            context =>
            {
                context.SetEndpoint(endpoint);
                return endpoint.RequestDelegate!(context);
            },
            logger);
        return handling.InvokeAsync;
    }

    // Separate from the host's routes: they are not reachable from outside, and the API's document does not list them twice.
    private sealed class Routes(IServiceProvider services) : IEndpointRouteBuilder
    {
        public IServiceProvider ServiceProvider => services;

        public ICollection<EndpointDataSource> DataSources { get; } = [];

        public IApplicationBuilder CreateApplicationBuilder() => new ApplicationBuilder(services);
    }
}
