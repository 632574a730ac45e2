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

/// <summary>What an inference endpoint answered.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The answer's bytes.</param>
/// <param name="Headers">Its headers.</param>
/// <param name="RetryAfter">When another try may help.</param>
/// <param name="IsUsedUp">Whether a budget refused that has no room for the call until its period ends.</param>
internal sealed record InferenceAnswer(int Status, ReadOnlyMemory<byte> Body, IHeaderDictionary Headers, TimeSpan? RetryAfter, bool IsUsedUp)
{
    public bool Succeeded => Status is >= 200 and < 300;
}

/// <summary>
/// The inference endpoints without a network before them: calls that the platform makes for a caller (batches, sessions) take the same
/// path as the caller's own. What stands before the endpoints over HTTP, authentication and permission, the caller of this has done.
/// </summary>
internal sealed class InProcessInference
{
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

    /// <summary>Posts a JSON document and returns the whole answer.</summary>
    public async Task<InferenceAnswer> PostAsync(Caller caller, string path, ReadOnlyMemory<byte> body, string requestId, CancellationToken cancellationToken)
    {
        using var answer = new MemoryStream();
        var response = await PostAsync(caller, path, body, requestId, answer, started: _ => { }, cancellationToken);
        TimeSpan? retryAfter = int.TryParse(response.Headers.RetryAfter, out var seconds) ? TimeSpan.FromSeconds(seconds) : null;
        var isUsedUp = response.HttpContext.Features.Get<Problem>()?.ResetsAt is not null;
        return new InferenceAnswer(response.StatusCode, answer.ToArray(), response.Headers, retryAfter, isUsedUp);
    }

    /// <summary>Posts a JSON document; the answer goes to <paramref name="answer"/> as it comes.</summary>
    /// <param name="caller">For whom.</param>
    /// <param name="path">One that <see cref="Has"/> knows.</param>
    /// <param name="body">The document.</param>
    /// <param name="requestId">For answers, logs and accounting.</param>
    /// <param name="answer">Is written to and flushed.</param>
    /// <param name="started">Called before the first byte, when status and headers are known.</param>
    /// <param name="cancellationToken">The caller's disconnect.</param>
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

    // Not the host's own routes: these are never reached from outside, and no document of the API lists them twice.
    private sealed class Routes(IServiceProvider services) : IEndpointRouteBuilder
    {
        public IServiceProvider ServiceProvider => services;

        public ICollection<EndpointDataSource> DataSources { get; } = [];

        public IApplicationBuilder CreateApplicationBuilder() => new ApplicationBuilder(services);
    }
}
