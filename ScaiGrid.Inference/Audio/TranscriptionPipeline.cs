using System.Text;
using System.Text.Unicode;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Audio;

/// <summary>Speech to text: the answer is complete, metered and settled before the caller receives it.</summary>
internal sealed class TranscriptionPipeline(CallRunner runner, Dispatcher dispatcher, UsageSettlement settlement, CallDeadlines deadlines)
{
    /// <returns>The problem to answer with; null if there is a transcript.</returns>
    public Task<Problem?> RunAsync(TranscriptionCall call, CancellationToken callerGone) =>
        runner.RunAsync(call, call.Request.Model, "audio", TryAsync, callerGone);

    private async Task<UpstreamError?> TryAsync(TranscriptionCall call, CancellationToken callerGone)
    {
        if (call.Backend.Clients.Transcriptions is not { } transcriptions)
        {
            return UpstreamError.Unsupported(call.Operation);
        }

        using var deadline = deadlines.Begin(call, isStream: false, callerGone);
        var reply = await transcriptions.SendAsync(call.Request, call.Route, deadline);
        if (reply.Document is not { } document)
        {
            return reply.Error;
        }

        document = call.Format is "srt" or "vtt" && !Utf8.IsValid(document.Span) ? Repaired(document) : document;
        MeteredUsage metered;
        try
        {
            metered = TranscriptMeter.Read(call.Request, call.Format, document, call.Route.Prices, call.Backend.Prices);
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            document.Dispose();
            return new UpstreamError(UpstreamFailure.ShapeMismatch);
        }

        dispatcher.Answered(call, isStream: false);
        call.Document = document;
        call.Result = await settlement.SettleAsync(call, metered.Usage, metered.IsEstimated, CallStatus.Ok);
        return null;
    }

    // whisper.cpp may end one subtitle and begin the next inside a character: the rest of the transcript is still good.
    private static PooledBytes Repaired(PooledBytes document)
    {
        using var given = document;
        var repaired = new PooledBytes(given.Length);
        repaired.Append(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(given.Span)));
        return repaired;
    }
}
