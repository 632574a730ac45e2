using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Writes a problem in the surface's form: OpenAI's <c>error</c> object under <c>/oai/v1</c>, our envelope everywhere else.</summary>
public static class ErrorWriter
{
    // The responses are application/json and never part of an HTML page, so that text need not be escaped further.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly PathString OpenAiSurface = new("/oai/v1");

    /// <summary>The longest Retry-After that OpenAI's clients obey, in seconds; a longer one makes them retry at once.</summary>
    private const int LongestWait = 60;

    /// <summary>Whether a request is for the surface with OpenAI's forms.</summary>
    public static bool IsOpenAi(HttpRequest request) => request.Path.StartsWithSegments(OpenAiSurface, StringComparison.OrdinalIgnoreCase);

    public static async Task WriteAsync(HttpContext context, Problem problem)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<IRefusalCounter>() is { } refusals)
        {
            problem = await refusals.CountAsync(context, problem);
        }

        var openAi = IsOpenAi(context.Request);
        var response = context.Response;

        // For calls within the process, which may need more than the response shows.
        context.Features.Set(problem);
        response.StatusCode = openAi ? OpenAiStatus(problem) : problem.Error.Status;
        response.ContentType = "application/json; charset=utf-8";
        if (problem.RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (openAi && (problem.IsLasting || (response.StatusCode == StatusCodes.Status429TooManyRequests
            && (problem.RetryAfterSeconds is null || (problem.ResetsAt is not null && problem.RetryAfterSeconds > LongestWait)))))
        {
            // OpenAI's clients retry every 429 and 5xx unless told otherwise; a used-up budget has no more room a second later.
            response.Headers["x-should-retry"] = "false";
        }

        if (problem.Error == CoreErrors.PayloadTooLarge && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            // Makes the server read and discard the rest of the body for some seconds: closing a connection while the caller still sends would reset
            // it, and the response would be lost.
            limit.MaxRequestBodySize = null;
        }

        if (problem.Error.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        var writer = new Utf8JsonWriter(response.BodyWriter, Readable);
        await using (writer.ConfigureAwait(false))
        {
            if (openAi)
            {
                WriteOpenAi(writer, problem, response.StatusCode);
            }
            else
            {
                WriteEnvelope(writer, problem, context.TraceIdentifier);
            }
        }

        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    private static void WriteEnvelope(Utf8JsonWriter writer, Problem problem, string requestId)
    {
        writer.WriteStartObject();
        writer.WriteString("status"u8, "error"u8);
        writer.WriteStartObject("error"u8);
        writer.WriteString("code"u8, problem.Error.Code);
        writer.WriteString("message"u8, problem.Text);
        if (problem.RetryAfterSeconds is { } seconds)
        {
            writer.WriteNumber("retry_after"u8, seconds);
        }

        if (problem.ResetsAt is { } resetsAt)
        {
            writer.WriteString("resets_at"u8, resetsAt);
        }

        if (problem.Details is { } details)
        {
            writer.WriteStartArray("details"u8);
            foreach (var detail in details)
            {
                writer.WriteStartObject();
                writer.WriteString("field"u8, detail.Field);
                writer.WriteString("message"u8, detail.Message);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteStartObject("meta"u8);
        writer.WriteString("request_id"u8, requestId);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>Writes an object with an <c>error</c>, as OpenAI does.</summary>
    public static void WriteOpenAi(Utf8JsonWriter writer, Problem problem, int status)
    {
        writer.WriteStartObject();
        WriteOpenAiError(writer, problem, status);
        writer.WriteEndObject();
    }

    /// <summary>Writes OpenAI's <c>error</c> property into an open object.</summary>
    public static void WriteOpenAiError(Utf8JsonWriter writer, Problem problem, int status)
    {
        var detail = problem.Details is [var first, ..] ? first : null;
        writer.WriteStartObject("error"u8);
        writer.WriteString("message"u8, detail is null ? problem.Text : $"{detail.Field}: {detail.Message}");
        writer.WriteString("type"u8, OpenAiType(status));
        writer.WriteString("param"u8, detail is { Field: not ErrorDetail.WholeBody } ? detail.Field : null);
        writer.WriteString("code"u8, OpenAiCode(problem));
        writer.WriteEndObject();
    }

    /// <summary>The code on OpenAI's surface.</summary>
#pragma warning disable CA1308 // The surface's codes are lower case by definition.
    public static string OpenAiCode(Problem problem) => problem.OpenAiCode ?? problem.Error.Code.ToLowerInvariant();
#pragma warning restore CA1308

    // OpenAI uses 400 for an invalid request; 422 is for a valid one that an upstream cannot process.
    private static int OpenAiStatus(Problem problem) =>
        problem.OpenAiStatus ?? (problem.Error.Status == StatusCodes.Status422UnprocessableEntity ? StatusCodes.Status400BadRequest : problem.Error.Status);

    private static string OpenAiType(int status) => status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}
