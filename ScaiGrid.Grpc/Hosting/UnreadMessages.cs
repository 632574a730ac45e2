using System.Globalization;
using Grpc.Core;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>
/// Adds our trailers to errors that no interceptor sees: messages that are too large, compressed or malformed are refused before any interceptor
/// runs, and unknown methods have none.
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

        headers[GrpcErrors.CodeTrailer] = error.Code;
        headers[GrpcErrors.RequestIdTrailer] = context.TraceIdentifier;
    }

    private static Error? CodeOf(string status) => int.TryParse(status, CultureInfo.InvariantCulture, out var code)
        ? (StatusCode)code switch
        {
            StatusCode.ResourceExhausted => CoreErrors.PayloadTooLarge,
            StatusCode.Unimplemented => CoreErrors.NotFound,

            // Exceptions of handlers are translated by the interceptor: what remains are messages that are malformed or wrongly framed.
            StatusCode.Unknown or StatusCode.Internal => CoreErrors.BadRequest,
            _ => null,
        }
        : null;
}
