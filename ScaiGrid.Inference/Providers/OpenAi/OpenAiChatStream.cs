using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The events of a streamed completion up to <c>[DONE]</c>.</summary>
internal sealed class OpenAiChatStream(HttpResponseMessage response, Stream content, string? apiKey, CallActivity activity) : ChatStream
{
    private static readonly TimeSpan ReadOutPatience = TimeSpan.FromMilliseconds(250);

    private readonly SseReader _events = new(content);

    public override async ValueTask<bool> ReadAsync()
    {
        try
        {
            if (SawEnd || Error is not null || !await _events.ReadAsync(activity))
            {
                return false;
            }
        }
        catch (OperationCanceledException) when (!activity.CallerIsGone)
        {
            Error = CallActivity.TimeoutError;
            return false;
        }
        catch (InvalidDataException exception)
        {
            Error = new UpstreamError(UpstreamFailure.ShapeMismatch, exception.Message);
            return false;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            Error = new UpstreamError(UpstreamFailure.Cut);
            return false;
        }

        if (_events.Data.Span.SequenceEqual("[DONE]"u8))
        {
            SawEnd = true;
            return false;
        }

        if (_events.IsError)
        {
            Error = OpenAiErrors.FromEvent(_events.Data.Span, apiKey);
            return false;
        }

        Current = _events.Data;
        return true;
    }

    public override async ValueTask DisposeAsync()
    {
        _events.Dispose();
        if (SawEnd)
        {
            await ReadOutAsync();
        }

        await content.DisposeAsync();
        response.Dispose();
    }

    // What follows [DONE] is the end of the body, most often here already; read to it, the connection serves the next call.
    private async ValueTask ReadOutAsync()
    {
        var buffer = new byte[256];
        using var patience = new CancellationTokenSource(ReadOutPatience);
        try
        {
            while (await content.ReadAsync(buffer, patience.Token) > 0)
            {
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or HttpRequestException or IOException)
        {
            // The connection is not worth more; closing it is what happens then.
        }
    }
}
