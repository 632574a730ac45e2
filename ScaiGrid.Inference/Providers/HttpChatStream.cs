using System.Runtime.CompilerServices;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>The chunks of a streamed answer: its events up to <c>[DONE]</c>, translated if necessary.</summary>
internal sealed class HttpChatStream(
    HttpResponseMessage response, Stream content, UpstreamAddress address, ChunkTranslator? translator, CallDeadline deadline) : ChatStream
{
    private static readonly TimeSpan ReadOutPatience = TimeSpan.FromMilliseconds(250);

    private static readonly UpstreamError Unreadable = new(UpstreamFailure.ShapeMismatch, "The upstream sent an event that could not be read.");

    private readonly SseReader _events = new(content);
    private readonly byte[] _rest = new byte[64];

    public override TokenUsage? UsageSoFar => translator?.UsageSoFar;

    public override bool TryRead()
    {
        try
        {
            while (true)
            {
                // Chunks translated before an error still belong to the caller.
                if (translator is not null && translator.TryTake(out var chunk))
                {
                    Current = chunk;
                    return true;
                }

                if (SawEnd || Error is not null || !_events.TryRead())
                {
                    return false;
                }

                if (Accept(_events.Data))
                {
                    return true;
                }
            }
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            Error = Unreadable;
            return TryRead();
        }
    }

    // Pooled: called once for each piece of a stream, and each call that waits would allocate its state machine.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<bool> ReadAsync()
    {
        while (true)
        {
            if (TryRead())
            {
                return true;
            }

            if (SawEnd || Error is not null)
            {
                return false;
            }

            try
            {
                if (!await _events.FillAsync(deadline) && (translator is null || !EndOfBody(translator)))
                {
                    return false;
                }
            }
            catch (OperationCanceledException) when (!deadline.CallerIsGone)
            {
                Error = deadline.LimitError;
            }
            catch (InvalidDataException exception)
            {
                Error = new UpstreamError(UpstreamFailure.ShapeMismatch, exception.Message);
            }
            catch (Exception exception) when (!deadline.CallerIsGone && (exception is HttpRequestException or IOException))
            {
                Error = new UpstreamError(UpstreamFailure.Cut);
            }
        }
    }

    public override UpstreamError ReadError() => UpstreamErrors.FromEvent(Current, address);

    public override async ValueTask DisposeAsync()
    {
        translator?.Dispose();
        _events.Dispose();
        if (SawEnd)
        {
            await ReadOutAsync();
        }

        await content.DisposeAsync();
        response.Dispose();
    }

    /// <returns>True if the event is a chunk in our format.</returns>
    private bool Accept(Memory<byte> data)
    {
        if (data.Span.SequenceEqual("[DONE]"u8))
        {
            SawEnd = true;
            return false;
        }

        if (_events.IsError)
        {
            Error = UpstreamErrors.FromEvent(data, address);
            return false;
        }

        address.Mask(data.Span);
        if (translator is null)
        {
            Current = data;
            return true;
        }

        Error = translator.Read(data);
        SawEnd = translator.SawEnd;
        return false;
    }

    // For a format without an end mark, the end of the body is the end of the stream, if the answer is complete by then.
    private bool EndOfBody(ChunkTranslator unfinished)
    {
        try
        {
            Error = unfinished.EndOfBody();
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            Error = Unreadable;
        }

        SawEnd = unfinished.SawEnd;
        return SawEnd;
    }

    // Only the end of the body follows [DONE], and has usually arrived already. After reading it, the connection can serve the next call.
    private async ValueTask ReadOutAsync()
    {
        deadline.EndWithin(ReadOutPatience);
        try
        {
            while (await content.ReadAsync(_rest, deadline.Token) > 0)
            {
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or HttpRequestException or IOException)
        {
            // Not worth waiting longer: the connection is closed instead.
        }
    }
}
