using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
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
internal abstract class HttpChatResponder(HttpContext context, TimeProvider time) : IChatResponder
{
    // The keep-alive timer and the relay write to the same pipe, one at a time.
    private readonly SemaphoreSlim _gate = new(1, 1);

    private ITimer? _keepAlive;
    private long _lastWrite;

    protected HttpContext Context { get; } = context;

    /// <summary>Set when the stream begins.</summary>
    protected ModelRoute Model { get; private set; } = null!;

    private PipeWriter Body => Context.Response.BodyWriter;

    public async ValueTask FailAsync(Problem problem) => await ErrorWriter.WriteAsync(Context, problem);

    public async ValueTask CompleteAsync(ChunkView completion, CallResult result)
    {
        Context.Response.ContentType = "application/json";
        WriteCompletion(Body, completion, result);
        await Body.FlushAsync(Context.RequestAborted);
    }

    public ValueTask BeginStreamAsync(ModelRoute model)
    {
        Model = model;
        var response = Context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        Context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        _lastWrite = time.GetTimestamp();
        _keepAlive = time.CreateTimer(
            static state => ((HttpChatResponder)state!).OnSilence(), this, InferenceOptions.KeepAliveInterval, InferenceOptions.KeepAliveInterval / 5);
        return ValueTask.CompletedTask;
    }

    public async ValueTask ChunkAsync(ChunkView chunk)
    {
        await _gate.WaitAsync(Context.RequestAborted);
        try
        {
            WriteChunk(Body, chunk);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask FlushAsync()
    {
        await _gate.WaitAsync(Context.RequestAborted);
        try
        {
            await Body.FlushAsync(Context.RequestAborted);
            _lastWrite = time.GetTimestamp();
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask EndStreamAsync(CallResult result)
    {
        await StopKeepAliveAsync();
        WriteEnd(Body, result);
        Body.Write("data: [DONE]\n\n"u8);
        await Body.FlushAsync(Context.RequestAborted);
    }

    public async ValueTask FailStreamAsync(Problem problem)
    {
        await StopKeepAliveAsync();
        Body.Write("event: error\n"u8);
        WriteError(Body, problem);
        Body.Write("data: [DONE]\n\n"u8);
        await Body.FlushAsync(Context.RequestAborted);
    }

    public async ValueTask DisposeAsync()
    {
        await StopKeepAliveAsync();
        _gate.Dispose();
    }

    protected abstract void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result);

    protected abstract void WriteChunk(IBufferWriter<byte> body, ChunkView chunk);

    /// <summary>What comes between the last chunk and <c>[DONE]</c>.</summary>
    protected abstract void WriteEnd(IBufferWriter<byte> body, CallResult result);

    /// <summary>The <c>data:</c> event of an error.</summary>
    protected abstract void WriteError(IBufferWriter<byte> body, Problem problem);

    private void OnSilence()
    {
        // A gate that is taken means that something is being written right now: no silence.
        if (time.GetElapsedTime(_lastWrite) >= InferenceOptions.KeepAliveInterval && _gate.Wait(0))
        {
            _ = WriteKeepAliveAsync();
        }
    }

    private async Task WriteKeepAliveAsync()
    {
        try
        {
            Body.Write(": keep-alive\n\n"u8);
            await Body.FlushAsync(Context.RequestAborted);
            _lastWrite = time.GetTimestamp();
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The caller has gone; the relay learns it from the request's token.
            Debug.WriteLine(exception.Message);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask StopKeepAliveAsync()
    {
        if (Interlocked.Exchange(ref _keepAlive, null) is { } timer)
        {
            await timer.DisposeAsync();

            // A comment that is on its way is written whole before the response can end.
            await _gate.WaitAsync(CancellationToken.None);
            _gate.Release();
        }
    }
}
