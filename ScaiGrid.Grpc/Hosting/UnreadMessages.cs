using System.Globalization;
using Grpc.Core;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>
/// A message that is too large, or is not one, is refused before any interceptor runs, and a method that does not exist has none: their answers
/// get our trailers here.
/// </summary>
internal static class UnreadMessages
{
    public static async Task AddTrailersAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        var headers = context.Response.Headers;
        if (context.Response.HasStarted || headers.ContainsKey(GrpcErrors.CodeTrailer) || CodeOf(headers["grpc-status"].ToString()) is not { } error)
        {
            return;
        }

        if (error == CoreErrors.BadRequest)
        {
            headers["grpc-status"] = ((int)GrpcErrors.StatusOf(error)).ToString(CultureInfo.InvariantCulture);
            headers["grpc-message"] = "The message could not be read.";
        }

        var given = context.Request.Headers["X-Request-Id"].ToString();
        headers[GrpcErrors.CodeTrailer] = error.Code;
        headers[GrpcErrors.RequestIdTrailer] = RequestId.IsWellFormed(given) ? given : Ids.New(Ids.Request, context.RequestServices.GetRequiredService<TimeProvider>());
    }

    private static Error? CodeOf(string status) => int.TryParse(status, CultureInfo.InvariantCulture, out var code)
        ? (StatusCode)code switch
        {
            StatusCode.ResourceExhausted => CoreErrors.PayloadTooLarge,
            StatusCode.Unimplemented => CoreErrors.NotFound,

            // What handlers throw the interceptor translates: what is left is a message that is none of its type, or comes in the wrong frame.
            StatusCode.Unknown or StatusCode.Internal => CoreErrors.BadRequest,
            _ => null,
        }
        : null;
}
