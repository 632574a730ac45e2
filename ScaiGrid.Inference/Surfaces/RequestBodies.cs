using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Reads the bodies of calls, whole ones into pooled buffers. Bounds the memory of all large bodies together, and the time without a byte.</summary>
public sealed class RequestBodies(InferenceOptions options, TimeProvider time)
{
    /// <summary>
    /// The largest buffer that is allocated because of a Content-Length alone. Beyond that it grows with the data, so that a client that
    /// announces much and sends little holds little memory. Bodies up to this size are not counted.
    /// </summary>
    private const int FirstBytes = 1024 * 1024;

    private static readonly Problem TooLarge = new(CoreErrors.PayloadTooLarge, $"A request has at most {InferenceOptions.MaxRequestBytes / 1024 / 1024} MiB.");
    private static readonly Problem Stalled = new(CoreErrors.RequestTimeout);
    private static readonly Problem NoRoom = new(CoreErrors.Unavailable, "The calls in progress have too many large bodies; try again.", RetryAfterSeconds: 1);

    private readonly long _most = options.RequestBodiesMegabytes * 1024L * 1024;
    private long _held;

    /// <summary>The body of a form, whose parts are read as they arrive.</summary>
    internal Stream OfForm(HttpRequest request) => new PatientBody(request.BodyReader, options.RequestIdleTimeout, time);

    /// <returns>The body, which the caller disposes, or the problem to answer with.</returns>
    internal ValueTask<(PooledBytes? Body, Problem? Problem)> ReadJsonAsync(HttpContext context) =>
        context.Request.ContentType is null || context.Request.HasJsonContentType() ? ReadAsync(context) : new((null, new Problem(CoreErrors.UnsupportedMediaType)));

    /// <inheritdoc cref="ReadJsonAsync"/>
    public async ValueTask<(PooledBytes? Body, Problem? Problem)> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentLength > InferenceOptions.MaxRequestBytes)
        {
            return (null, TooLarge);
        }

        var body = new PooledBytes((int)Math.Min(request.ContentLength ?? 4096, FirstBytes) + 1);
        Problem? problem = null;
        try
        {
            for (var isComplete = false; !isComplete && problem is null;)
            {
                if (await PatientBody.ReadAsync(request.BodyReader, options.RequestIdleTimeout, time, context.RequestAborted) is not { } result)
                {
                    problem = Stalled;
                    break;
                }

                foreach (var segment in result.Buffer)
                {
                    body.Append(segment.Span);
                }

                request.BodyReader.AdvanceTo(result.Buffer.End);
                isComplete = result.IsCompleted;
                problem = body.Length > InferenceOptions.MaxRequestBytes ? TooLarge
                    : body.Length > FirstBytes && !TryHold(body) ? NoRoom
                    : null;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }

        if (problem is null)
        {
            return (body, null);
        }

        body.Dispose();
        return (null, problem);
    }

    private bool TryHold(PooledBytes body)
    {
        body.Lease ??= new Lease(this);
        return ((Lease)body.Lease).TryHold(body.Array.Length);
    }

    /// <summary>The memory that one body is counted with, until its buffer is disposed.</summary>
    private sealed class Lease(RequestBodies bodies) : IDisposable
    {
        private long _bytes;

        /// <param name="bytes">The size of the buffer, which has grown.</param>
        public bool TryHold(long bytes)
        {
            var more = bytes - _bytes;
            if (Interlocked.Add(ref bodies._held, more) > bodies._most)
            {
                Interlocked.Add(ref bodies._held, -more);
                return false;
            }

            _bytes = bytes;
            return true;
        }

        public void Dispose() => Interlocked.Add(ref bodies._held, -_bytes);
    }
}
