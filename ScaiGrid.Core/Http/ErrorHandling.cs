using System.Text.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Middleware that turns exceptions and bare error statuses into our error bodies; nothing else does.</summary>
public sealed partial class ErrorHandling(RequestDelegate next, ILogger<ErrorHandling> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        Problem problem;
        try
        {
            if (Unreadable(context.Request) is { } reason)
            {
                throw new ApiException(CoreErrors.UnsupportedMediaType, reason);
            }

            await next(context);
            if (context.Response.HasStarted || context.Response.StatusCode < 400 || context.Response.ContentType is not null)
            {
                return;
            }

            // The framework answers unknown routes, wrong methods and wrong content types with a bare status.
            // Only endpoints that accept forms reject JSON.
            problem = new Problem(
                CoreErrors.ForStatus(context.Response.StatusCode),
                context.Response.StatusCode == StatusCodes.Status415UnsupportedMediaType && context.Request.HasJsonContentType()
                    ? "This endpoint does not take JSON; send multipart/form-data."
                    : null);
        }
        catch (ApiException exception)
        {
            problem = exception.Problem;
        }
        catch (BadHttpRequestException exception)
        {
            problem = FromBadRequest(exception);
        }
        catch (Exception exception) when (exception is ConnectionResetException || context.RequestAborted.IsCancellationRequested)
        {
            // The caller has disconnected. Aborting keeps the server from reading the rest of the body, whose failure it would log as an error.
            context.Abort();
            return;
        }
        catch (Exception exception)
        {
            RequestFailed(context.TraceIdentifier, exception);
            problem = new Problem(CoreErrors.Internal);
        }

        if (context.Response.HasStarted)
        {
            // Part of the response has been sent: only a broken connection shows the caller that the rest is missing.
            context.Abort();
            return;
        }

        await ErrorWriter.WriteAsync(context, problem);
    }

    /// <summary>The reason why a JSON body cannot be read, as far as its headers show; null if it can.</summary>
    private static string? Unreadable(HttpRequest request)
    {
        if (request.ContentType is not { } type || !type.Contains("json", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (type.Contains("charset", StringComparison.OrdinalIgnoreCase) && !type.Contains("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            return "JSON must be UTF-8.";
        }

        return request.Headers.ContentEncoding is [{ } encoding] && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)
            ? $"Encoded JSON is not accepted: Content-Encoding '{encoding}' is not supported."
            : null;
    }

    private static Problem FromBadRequest(BadHttpRequestException exception) => exception.InnerException switch
    {
        JsonException json => JsonProblems.From(json),
        _ when exception.StatusCode == StatusCodes.Status408RequestTimeout => new Problem(CoreErrors.RequestTimeout),
        _ when exception.StatusCode == StatusCodes.Status413PayloadTooLarge => new Problem(CoreErrors.PayloadTooLarge),
        _ when exception.StatusCode == StatusCodes.Status415UnsupportedMediaType => new Problem(CoreErrors.UnsupportedMediaType),

        // The framework's texts for a missing body, or for the JSON value null, are meant for developers.
        _ when exception.GetType() == typeof(BadHttpRequestException) && exception.Message.Contains("body", StringComparison.Ordinal)
            => new Problem(CoreErrors.BadRequest, "The request needs a JSON body."),

        // The binder's texts name the parameter and its type, and nothing internal.
        _ => new Problem(CoreErrors.BadRequest, exception.Message),
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed unexpectedly.")]
    private partial void RequestFailed(string requestId, Exception exception);
}
