using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// Base of the HTTP chat responders: sends server-sent events as they arrive, and a comment line when the stream is silent for too long.
/// A derived class renders the documents.
/// </summary>
/// <param name="context">The request.</param>
/// <param name="time">Measures the silence.</param>
internal abstract class HttpChatResponder(HttpContext context, TimeProvider time) : IChatResponder
{
    // Used in streams only, as are the fields below: chunks since the last flush, which copies them into the response's pipe at once.
    private PooledBytes? _taken;
    private ChunkTemplate? _template;

    // Held by the one that writes to the response's pipe: the relay or the keep-alive timer.
    private SemaphoreSlim? _writing;
    private ITimer? _keepAlive;
    private long _lastWrite;

    protected HttpContext Context { get; } = context;

    protected TimeProvider Time { get; } = time;

    /// <summary>Set when the stream begins.</summary>
    protected ModelRoute Model { get; private set; } = null!;

    /// <summary>The backend that answers; set when the stream begins.</summary>
    protected Backend Backend { get; private set; } = null!;

    /// <summary>Whether chunks of one shape may share a template: not if the output contains a counter, or the end of an earlier chunk.</summary>
    protected virtual bool WritesAlike => true;

    /// <summary>The bytes that end every stream.</summary>
    protected virtual ReadOnlySpan<byte> EndMark => "data: [DONE]\n\n"u8;

    private PipeWriter Body => Context.Response.BodyWriter;

    public async ValueTask CompleteAsync(ChunkView completion, CallResult result)
    {
        Context.Response.ContentType = "application/json";
        WriteCompletion(Body, completion, result);
        await EndAsync();
    }

    public ValueTask BeginStreamAsync(InferenceCall call)
    {
        (Model, Backend) = (call.Route, call.Backend);
        (_taken, _template, _writing) = (new PooledBytes(16 * 1024), new ChunkTemplate(), new SemaphoreSlim(1));
        var response = Context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        _lastWrite = Time.GetTimestamp();
        _keepAlive = Time.CreateTimer(
            static state => ((HttpChatResponder)state!).OnSilence(), this, InferenceOptions.KeepAliveInterval, Timeout.InfiniteTimeSpan);
        return ValueTask.CompletedTask;
    }

    public ValueTask ChunkAsync(ChunkView chunk)
    {
        if (!WritesAlike || !_template!.TryWrite(_taken!, chunk, this, static (surface, body, sample) => surface.WriteChunk(body, sample)))
        {
            WriteChunk(_taken!, chunk);
        }

        return ValueTask.CompletedTask;
    }

    // Pooled: called once for each piece of a stream, and each call that waits would allocate its state machine.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FlushAsync()
    {
        await _writing!.WaitAsync(CancellationToken.None);
        try
        {
            // Without the request's token, which would be registered with at each flush: a flush completes by itself when the caller disconnects.
            await Body.WriteAsync(_taken!.Memory, CancellationToken.None);
            _taken.Clear();
            _lastWrite = Time.GetTimestamp();
        }
        finally
        {
            _writing.Release();
        }
    }

    public async ValueTask EndStreamAsync(CallResult result)
    {
        WriteEnd(_taken!, result);
        await EndStreamAsync();
    }

    public async ValueTask FailStreamAsync(Problem problem)
    {
        WriteError(_taken!, problem);
        await EndStreamAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopKeepAliveAsync();
        _writing?.Dispose();
        _template?.Dispose();
        _taken?.Dispose();
    }

    protected abstract void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result);

    protected abstract void WriteChunk(IBufferWriter<byte> body, ChunkView chunk);

    /// <summary>Writes the events between the last chunk and <c>[DONE]</c>.</summary>
    protected abstract void WriteEnd(IBufferWriter<byte> body, CallResult result);

    /// <summary>Writes the events that end a failed stream, including the one named <c>error</c>.</summary>
    protected abstract void WriteError(IBufferWriter<byte> body, Problem problem);

    // Completing instead of flushing sends the headers (if not sent yet), the body and its end mark in one write.
    private Task EndAsync() => Context.Response.CompleteAsync();

    private async ValueTask EndStreamAsync()
    {
        await StopKeepAliveAsync();
        _taken!.Append(EndMark);
        Body.Write(_taken.Span);
        await EndAsync();
    }

    private void OnSilence()
    {
        // The timer is set for the earliest moment at which the silence could be long enough. Writes do not move it, which would be work at
        // each flush.
        var missing = InferenceOptions.KeepAliveInterval - Time.GetElapsedTime(_lastWrite);
        var isSilent = missing <= TimeSpan.Zero;
        _keepAlive?.Change(isSilent ? InferenceOptions.KeepAliveInterval : missing, Timeout.InfiniteTimeSpan);
        if (isSilent && _writing!.Wait(TimeSpan.Zero))
        {
            _ = WriteKeepAliveAsync();
        }
    }

    /// <summary>Writes the comment line and releases <see cref="_writing"/>.</summary>
    private async Task WriteKeepAliveAsync()
    {
        try
        {
            Body.Write(": keep-alive\n\n"u8);
            await Body.FlushAsync(Context.RequestAborted);
            _lastWrite = Time.GetTimestamp();
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The caller has disconnected; the relay notices it by the request's token.
            Debug.WriteLine(exception.Message);
        }
        finally
        {
            _writing!.Release();
        }
    }

    private async ValueTask StopKeepAliveAsync()
    {
        if (Interlocked.Exchange(ref _keepAlive, null) is { } timer)
        {
            await timer.DisposeAsync();

            // Waits until a comment that is being written is complete: the response must not end inside it.
            await _writing!.WaitAsync(CancellationToken.None);
            _writing.Release();
        }
    }
}
