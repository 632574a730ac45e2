using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Reads a whole request body into a pooled buffer.</summary>
internal static class RequestBody
{
    /// <summary>
    /// The largest buffer that is allocated because of a Content-Length alone. Beyond that it grows with the data, so that a client that
    /// announces much and sends little holds little memory.
    /// </summary>
    private const int FirstBytes = 1024 * 1024;

    private static readonly Problem TooLarge = new(CoreErrors.PayloadTooLarge, $"A request has at most {InferenceOptions.MaxRequestBytes / 1024 / 1024} MiB.");

    /// <returns>The body, which the caller disposes, or the problem to answer with.</returns>
    public static async ValueTask<(PooledBytes? Body, Problem? Problem)> ReadJsonAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentType is not null && !request.HasJsonContentType())
        {
            return (null, new Problem(CoreErrors.UnsupportedMediaType));
        }

        if (request.ContentLength > InferenceOptions.MaxRequestBytes)
        {
            return (null, TooLarge);
        }

        var body = new PooledBytes((int)Math.Min(request.ContentLength ?? 4096, FirstBytes) + 1);
        try
        {
            while (true)
            {
                var result = await request.BodyReader.ReadAsync(context.RequestAborted);
                foreach (var segment in result.Buffer)
                {
                    body.Append(segment.Span);
                }

                request.BodyReader.AdvanceTo(result.Buffer.End);
                if (body.Length > InferenceOptions.MaxRequestBytes)
                {
                    body.Dispose();
                    return (null, TooLarge);
                }

                if (result.IsCompleted)
                {
                    return (body, null);
                }
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }
}
