using ScaiGrid.Core;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>Gives every gRPC call its request id, the caller's own if it is well-formed, and answers with it.</summary>
internal sealed class CallId(RequestDelegate next, TimeProvider time)
{
    public Task InvokeAsync(HttpContext context)
    {
        var given = context.Request.Headers["X-Request-Id"].ToString();
        context.TraceIdentifier = RequestId.IsWellFormed(given) ? given : Ids.New(Ids.Request, time);

        // Not at once: if a call fails before its first message, the trailers are sent as headers, and the id would appear twice.
        context.Response.OnStarting(WriteAsync, context);
        return next(context);
    }

    private static Task WriteAsync(object call)
    {
        var context = (HttpContext)call;
        context.Response.Headers[GrpcErrors.RequestIdTrailer] = context.TraceIdentifier;
        return Task.CompletedTask;
    }
}
