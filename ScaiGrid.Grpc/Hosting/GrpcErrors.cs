using System.Globalization;
using System.Text;
using Grpc.Core;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Grpc.Hosting;

/// <summary>Turns problems into gRPC statuses; our stable code and the request id are in the trailers.</summary>
internal static class GrpcErrors
{
    public const string CodeTrailer = "scaigrid-error-code";
    public const string RequestIdTrailer = "x-request-id";
    public const string RetryAfterTrailer = "retry-after";

    public static RpcException From(Problem problem, ServerCallContext context)
    {
        var trailers = new Metadata
        {
            { CodeTrailer, problem.Error.Code },
            { RequestIdTrailer, context.GetRequestId() },
        };
        if (problem.RetryAfterSeconds is { } seconds)
        {
            trailers.Add(RetryAfterTrailer, seconds.ToString(CultureInfo.InvariantCulture));
        }

        return new RpcException(new Status(StatusOf(problem.Error), Describe(problem)), trailers);
    }

    /// <summary>Answers a call whose message has not been read. A response without messages has the status in its headers.</summary>
    public static Task WriteAsync(HttpResponse response, Problem problem)
    {
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = ((int)StatusOf(problem.Error)).ToString(CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Encode(Describe(problem));
        response.Headers[CodeTrailer] = problem.Error.Code;
        if (problem.RetryAfterSeconds is { } seconds)
        {
            response.Headers[RetryAfterTrailer] = seconds.ToString(CultureInfo.InvariantCulture);
        }

        return Task.CompletedTask;
    }

    public static StatusCode StatusOf(Error error) => error.Status switch
    {
        400 or 415 or 422 => StatusCode.InvalidArgument,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.NotFound,
        409 => StatusCode.FailedPrecondition,
        413 or 429 => StatusCode.ResourceExhausted,
        502 or 503 => StatusCode.Unavailable,
        408 or 504 => StatusCode.DeadlineExceeded,
        _ => StatusCode.Internal,
    };

    // As gRPC over HTTP/2 encodes a message: UTF-8, with % and everything but printable ASCII as %XX. Some clients decode nothing.
    private static string Encode(string text)
    {
        var encoded = new StringBuilder(text.Length);
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            if (value is >= 0x20 and <= 0x7E and not (byte)'%')
            {
                encoded.Append((char)value);
            }
            else
            {
                encoded.Append(CultureInfo.InvariantCulture, $"%{value:X2}");
            }
        }

        return encoded.ToString();
    }

    // A status has one line of text: the first field's mistake says more than the general message.
    private static string Describe(Problem problem) =>
        problem.Details is [var detail, ..] ? $"{detail.Field}: {detail.Message}" : problem.Text;
}
