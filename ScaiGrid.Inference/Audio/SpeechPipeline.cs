using System.Buffers;
using System.Collections.Frozen;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Audio;

/// <summary>
/// Text to speech: the audio is relayed to the caller as it arrives. Until its first byte, another backend can still take the call. A later
/// failure aborts the connection, the only signal that raw audio allows.
/// </summary>
internal sealed class SpeechPipeline(CallRunner runner, Dispatcher dispatcher, UsageSettlement settlement, CallDeadlines deadlines)
{
    private const int BufferBytes = 16 * 1024;

    internal static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule>
        {
            ["model"] = FieldRule.Text,
            ["input"] = FieldRule.Text,
            ["voice"] = new(FieldKind.TextOrObject, "must be a string or an object."),
            ["response_format"] = FieldRule.OneOf("mp3", "opus", "aac", "flac", "wav", "pcm"),
            ["speed"] = FieldRule.Number(0.25, 4),
            ["instructions"] = FieldRule.Text,
            ["stream_format"] = FieldRule.OneOf("audio"),
        }.ToFrozenDictionary(),
        "model",
        "input");

    public static void Check(JsonRequest request, Mistakes mistakes)
    {
        if (request["input"].Span.SequenceEqual("\"\""u8))
        {
            mistakes.Add(new ErrorDetail("input", "must not be empty."));
        }
    }

    /// <returns>The problem to answer with; null if audio was sent.</returns>
    public Task<Problem?> RunAsync(SpeechCall call, CancellationToken callerGone) =>
        runner.RunAsync(call, call.Request.Model, "audio", TryAsync, callerGone);

    private async Task<UpstreamError?> TryAsync(SpeechCall call, CancellationToken callerGone)
    {
        if (call.Backend.Clients.Speech is not { } speech)
        {
            return UpstreamError.Unsupported(call.Operation);
        }

        using var deadline = deadlines.Begin(call, isStream: true, callerGone);
        await using var reply = await speech.SendAsync(call.Request, call.Route, deadline);
        if (reply.Body is null)
        {
            return reply.Error;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var (read, error) = await ReadAsync(reply.Body, buffer, deadline);
            if (read == 0)
            {
                return error ?? new UpstreamError(UpstreamFailure.Cut, "The upstream's audio is empty.");
            }

            await RelayAsync(call, reply, buffer, read, deadline);
            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task RelayAsync(SpeechCall call, SpeechReply reply, byte[] buffer, int read, CallDeadline deadline)
    {
        dispatcher.Answered(call, isStream: false);
        var response = call.Http.Response;
        response.ContentType = reply.ContentType;
        response.Headers.XContentTypeOptions = "nosniff";
        call.Http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        UpstreamError? error = null;
        var status = CallStatus.Ok;
        try
        {
            while (read > 0)
            {
                deadline.Pause();
                await response.Body.WriteAsync(buffer.AsMemory(0, read), call.Http.RequestAborted);
                deadline.Resume();
                (read, error) = await ReadAsync(reply.Body!, buffer, deadline);
            }

            // A cancelled read may also surface as a broken connection.
            error = error is null ? null : deadlines.Interruption(call.Context.Caller) ?? error;
            status = CallStatusWords.Of(error);
        }
        catch (Exception) when (deadline.CallerIsGone)
        {
            (status, error) = (CallStatus.Cancelled, null);
        }

        // Raw audio has no place for usage. Billing is mostly by the input text, so it is counted here.
        var usage = reply.Usage ?? new TokenUsage(TokenCounter.CountText(call.Request["input"]), Completion: 0);
        await settlement.SettleAsync(call, usage, isEstimated: reply.Usage is null, status);
        if (error is { IsUpstreams: true } && !deadline.OverallTimeoutReached)
        {
            dispatcher.FailedLate(call, error);
        }

        if (status != CallStatus.Ok)
        {
            call.Http.Abort();
        }
    }

    private static async ValueTask<(int Read, UpstreamError? Error)> ReadAsync(Stream body, byte[] buffer, CallDeadline deadline)
    {
        try
        {
            var read = await body.ReadAsync(buffer, deadline.Token);
            deadline.Progress();
            return (read, null);
        }
        catch (Exception exception) when (UpstreamEndpoint.Failure(exception, deadline) is { } failure)
        {
            return (0, failure);
        }
    }
}
