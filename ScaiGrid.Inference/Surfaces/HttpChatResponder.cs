using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// What both HTTP surfaces share: server-sent events sent as they come, and a comment line after a silence. A derived class says what
/// the documents look like.
/// </summary>
/// <param name="context">Of the call.</param>
/// <param name="time">For the silence.</param>
internal abstract class HttpChatResponder(HttpContext context, TimeProvider time) : IChatResponder
{
    // Chunks since the last flush, which puts them into the response's pipe in one piece. Both of a stream only.
    private PooledBytes? _taken;
    private ChunkTemplate? _template;

    // The keep-alive timer and the relay write to the same pipe, one at a time: whoever turns this from 0 to 1 may.
    private int _turn;
    private Task _comment = Task.CompletedTask;
    private ITimer? _keepAlive;
    private long _lastWrite;

    protected HttpContext Context { get; } = context;

    protected TimeProvider Time { get; } = time;

    /// <summary>Set when the stream begins.</summary>
    protected ModelRoute Model { get; private set; } = null!;

    /// <summary>Who answers; set when the stream begins.</summary>
    protected Backend Backend { get; private set; } = null!;

    /// <summary>Whether chunks alike are written alike: not so where each says how many there were before it.</summary>
    protected virtual bool WritesAlike => true;

    /// <summary>What ends every stream.</summary>
    protected virtual ReadOnlySpan<byte> EndMark => "data: [DONE]\n\n"u8;

    private PipeWriter Body => Context.Response.BodyWriter;

    public virtual async ValueTask FailAsync(Problem problem) => await ErrorWriter.WriteAsync(Context, problem);

    public async ValueTask CompleteAsync(ChunkView completion, CallResult result)
    {
        Context.Response.ContentType = "application/json";
        WriteCompletion(Body, completion, result);
        await EndAsync();
    }

    public ValueTask BeginStreamAsync(InferenceCall call)
    {
        (Model, Backend) = (call.Route, call.Backend);
        (_taken, _template) = (new PooledBytes(16 * 1024), new ChunkTemplate());
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

    public ValueTask ChunkAsync(in ChunkView chunk)
    {
        if (!WritesAlike || !_template!.TryWrite(_taken!, in chunk, this, static (surface, body, sample) => surface.WriteChunk(body, sample)))
        {
            WriteChunk(_taken!, chunk);
        }

        return ValueTask.CompletedTask;
    }

    // Pooled: it waits once for each piece of a stream, and what it waits in would be allocated each time.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask FlushAsync()
    {
        await TakeTurnAsync();

        try
        {
            // Without the request's token, which would be registered with for each flush: a flush ends by itself when the caller has gone.
            await Body.WriteAsync(_taken!.Memory, CancellationToken.None);
            _taken.Clear();
            _lastWrite = Time.GetTimestamp();
        }
        finally
        {
            PassTurn();
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
        _template?.Dispose();
        _taken?.Dispose();
    }

    protected abstract void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result);

    protected abstract void WriteChunk(IBufferWriter<byte> body, ChunkView chunk);

    /// <summary>What comes between the last chunk and <c>[DONE]</c>.</summary>
    protected abstract void WriteEnd(IBufferWriter<byte> body, CallResult result);

    /// <summary>The events that end a stream which failed, the one of the name <c>error</c> among them.</summary>
    protected abstract void WriteError(IBufferWriter<byte> body, Problem problem);

    // Not a flush: the mark that ends the body, and before it the headers, then go out in one piece.
    private Task EndAsync() => Context.Response.CompleteAsync();

    private async ValueTask EndStreamAsync()
    {
        await StopKeepAliveAsync();
        _taken!.Append(EndMark);
        Body.Write(_taken.Span);
        await EndAsync();
    }

    private bool TryTakeTurn() => Interlocked.CompareExchange(ref _turn, 1, 0) == 0;

    private void PassTurn() => Volatile.Write(ref _turn, 0);

    private async ValueTask TakeTurnAsync()
    {
        while (!TryTakeTurn())
        {
            await _comment;
        }
    }

    private void OnSilence()
    {
        // Set again for the moment at which the silence would be long enough, which is never moved by what is written meanwhile: that would be
        // work for each flush.
        var missing = InferenceOptions.KeepAliveInterval - Time.GetElapsedTime(_lastWrite);
        var isSilent = missing <= TimeSpan.Zero;
        _keepAlive?.Change(isSilent ? InferenceOptions.KeepAliveInterval : missing, Timeout.InfiniteTimeSpan);
        if (!isSilent || !_comment.IsCompleted)
        {
            return;
        }

        // In place before the turn is taken, for whoever then finds it taken. Taken already: something is being written, no silence.
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _comment, written.Task);
        if (TryTakeTurn())
        {
            _ = WriteKeepAliveAsync(written);
        }
        else
        {
            written.SetResult();
        }
    }

    private async Task WriteKeepAliveAsync(TaskCompletionSource written)
    {
        try
        {
            Body.Write(": keep-alive\n\n"u8);
            await Body.FlushAsync(Context.RequestAborted);
            _lastWrite = Time.GetTimestamp();
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The caller has gone; the relay learns it from the request's token.
            Debug.WriteLine(exception.Message);
        }
        finally
        {
            PassTurn();
            written.SetResult();
        }
    }

    private async ValueTask StopKeepAliveAsync()
    {
        if (Interlocked.Exchange(ref _keepAlive, null) is { } timer)
        {
            await timer.DisposeAsync();

            // A comment that is on its way is written whole before the response can end.
            await TakeTurnAsync();
            PassTurn();
        }
    }
}
