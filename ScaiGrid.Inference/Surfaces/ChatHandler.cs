using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Reads a surface's request, which owns the body from then on.</summary>
/// <returns>Null if there is a problem.</returns>
internal delegate TRequest? ChatReader<TRequest>(PooledBytes body, out Problem? problem)
    where TRequest : class;

/// <summary>Runs the <see cref="ChatPipeline"/> for an HTTP request.</summary>
internal static class ChatHandler
{
    /// <summary>Maps a call of the chat pipeline to its path on one of the surfaces.</summary>
    /// <typeparam name="TRequest">The surface's request.</typeparam>
    /// <param name="endpoints">Receives the endpoint.</param>
    /// <param name="path">The path.</param>
    /// <param name="protocol">The surface, of <see cref="Protocols"/>.</param>
    /// <param name="read">Reads the request.</param>
    /// <param name="chat">The pipeline's request of the surface's.</param>
    /// <param name="respond">Makes the responder.</param>
    /// <param name="inCallersWords">Renames the fields of a problem for surfaces with names of their own.</param>
    public static RouteHandlerBuilder MapChat<TRequest>(
        this IEndpointRouteBuilder endpoints,
        string path,
        string protocol,
        ChatReader<TRequest> read,
        Func<TRequest, ChatRequest> chat,
        Func<HttpContext, TRequest, TimeProvider, HttpChatResponder> respond,
        Func<TRequest, Problem, Problem>? inCallersWords = null)
        where TRequest : class, IDisposable
    {
        var pipeline = endpoints.ServiceProvider.GetRequiredService<ChatPipeline>();
        var bodies = endpoints.ServiceProvider.GetRequiredService<RequestBodies>();
        var time = endpoints.ServiceProvider.GetRequiredService<TimeProvider>();
        return endpoints.MapCall(path, RunAsync);

        async Task RunAsync(HttpContext context)
        {
            var startedAt = time.GetTimestamp();
            var (body, problem) = await bodies.ReadJsonAsync(context);
            using var request = body is null ? null : read(body, out problem);
            if (request is null)
            {
                await ErrorWriter.WriteAsync(context, problem!);
                return;
            }

            await using var responder = respond(context, request, time);
            problem = await pipeline.RunAsync(chat(request), HttpCallContext.Of(context, protocol, startedAt), responder, context.RequestAborted);
            if (problem is not null)
            {
                await ErrorWriter.WriteAsync(context, inCallersWords?.Invoke(request, problem) ?? problem);
            }
        }
    }
}
