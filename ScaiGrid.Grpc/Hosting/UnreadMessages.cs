using System.Globalization;
using Grpc.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>
/// Adds our trailers to errors that no interceptor sees: messages that are too large, compressed or malformed are refused before any interceptor
/// runs, and unknown methods have none.
/// </summary>
internal sealed partial class UnreadMessages(RequestDelegate next, RefusedCalls refused, ILogger<UnreadMessages> logger)
{
    /// <summary>
    /// The category in which gRPC logs a malformed message as an error, with a stack trace that its sender could fill the log with. Exceptions of handlers
    /// are logged by <see cref="ErrorInterceptor"/>.
    /// </summary>
    public const string LogOfGrpc = "Grpc.AspNetCore.Server.ServerCallHandler";

    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        var headers = context.Response.Headers;
        if (context.Response.HasStarted || headers.ContainsKey(GrpcErrors.CodeTrailer) || CodeOf(headers["grpc-status"].ToString()) is not { } error)
        {
            return;
        }

        // It counts like a body that cannot be read over HTTP.
        var problem = await refused.CountAsync(context, new Problem(error));
        if (problem.Error != error)
        {
            await GrpcErrors.WriteAsync(context.Response, problem);
        }
        else if (error == CoreErrors.BadRequest)
        {
            headers["grpc-status"] = ((int)GrpcErrors.StatusOf(error)).ToString(CultureInfo.InvariantCulture);
            headers["grpc-message"] = "The message could not be read.";
            MessageUnread(context.Request.Path.Value);
        }

        headers[GrpcErrors.CodeTrailer] = problem.Error.Code;
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

    [LoggerMessage(Level = LogLevel.Debug, Message = "A message for {Method} could not be read.")]
    private partial void MessageUnread(string? method);
}
