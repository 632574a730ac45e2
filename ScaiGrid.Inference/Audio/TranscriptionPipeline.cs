using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Audio;

/// <summary>A transcription on its way through the targets of its model.</summary>
internal sealed class TranscriptionAttempt : Attempt, IDisposable
{
    public required TranscriptionRequest Request { get; init; }

    public override string Operation => "transcription";

    public override CallBounds Bounds(int unboundedOutput) => OperationBounds.Recording(Request.File.Length, Route, unboundedOutput);

    /// <summary>The upstream's answer, in the response format that the caller asked for.</summary>
    public PooledBytes Document { get; set; } = null!;

    /// <summary>Set when the call is settled.</summary>
    public CallResult Result { get; set; }

    public void Dispose() => Document?.Dispose();
}

/// <summary>Speech to text: the answer is whole, metered and settled before the caller sees it.</summary>
internal sealed class TranscriptionPipeline(CallRunner runner, Dispatcher dispatcher, UsageSettlement settlement, InferenceOptions options, CallActivities activities)
{
    /// <returns>What to answer instead of the transcript.</returns>
    public Task<Problem?> RunAsync(TranscriptionAttempt attempt, CancellationToken callerGone) =>
        runner.RunAsync(attempt, attempt.Request.Model, "audio", TryAsync, callerGone);

    private async Task<UpstreamError?> TryAsync(TranscriptionAttempt attempt, CancellationToken callerGone)
    {
        if (attempt.Backend.Clients.Transcriptions is not { } transcriptions)
        {
            return UpstreamError.Unsupported(attempt.Operation);
        }

        using var activity = activities.Begin(attempt, options.DispatchTimeout, options.DispatchTimeout, options.DispatchTimeout, callerGone);
        var reply = await transcriptions.SendAsync(attempt.Request, attempt.Route, activity);
        if (reply.Document is not { } document)
        {
            return reply.Error;
        }

        MeteredUsage metered;
        try
        {
            var isByTheMinute = attempt.Route.AudioMinutePrice > 0 || attempt.Backend.AudioMinutePrice > 0;
            metered = TranscriptMeter.Read(attempt.Request, document, isByTheMinute);
        }
        catch (JsonException)
        {
            document.Dispose();
            return new UpstreamError(UpstreamFailure.ShapeMismatch);
        }

        dispatcher.Answered(attempt, isStream: false);
        attempt.Document = document;
        attempt.Result = await settlement.SettleAsync(attempt, metered.Usage, metered.IsEstimated, CallStatus.Ok);
        return null;
    }
}
