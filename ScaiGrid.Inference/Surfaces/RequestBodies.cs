using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Reads whole bodies into pooled buffers. Bounds the memory of all large bodies together, and the time without a byte.</summary>
/// <remarks>
/// The server itself only requires an average rate: a client that has sent most of a body quickly may then send nothing for hours.
/// </remarks>
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
                var result = await ReadAsync(request.BodyReader, context.RequestAborted);

                // A wait may also be cancelled just as the bytes arrive.
                var isStalled = result is { IsCanceled: true, IsCompleted: false, Buffer.IsEmpty: true };
                foreach (var segment in result.Buffer)
                {
                    body.Append(segment.Span);
                }

                request.BodyReader.AdvanceTo(result.Buffer.End);
                isComplete = result.IsCompleted;
                problem = isStalled ? Stalled
                    : body.Length > InferenceOptions.MaxRequestBytes ? TooLarge
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

    private async ValueTask<ReadResult> ReadAsync(PipeReader reader, CancellationToken callerGone)
    {
        var pending = reader.ReadAsync(callerGone);
        if (pending.IsCompleted)
        {
            return await pending;
        }

        await using var silence = time.CreateTimer(
            static reader => ((PipeReader)reader!).CancelPendingRead(), reader, options.RequestIdleTimeout, Timeout.InfiniteTimeSpan);
        return await pending;
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
