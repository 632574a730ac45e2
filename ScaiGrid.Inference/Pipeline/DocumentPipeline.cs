using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>An operation that takes a JSON document and answers with one.</summary>
/// <param name="Name">The operation's name in traces, by OpenTelemetry's conventions.</param>
/// <param name="Modality">The modality of the models that it runs on.</param>
/// <param name="Client">Returns a backend's client for it; null if the provider has none.</param>
/// <param name="Bounds">The most that a call can use, given the output tokens to assume for a model without a limit.</param>
/// <param name="Meter">
/// The usage of a call, from its request and the upstream's answer. Throws a <see cref="JsonException"/> if the answer is invalid;
/// then another target is tried.
/// </param>
/// <param name="Pieces">The number of images that a call asks for; null for operations that make none.</param>
/// <param name="Inputs">The number of inputs whose results are answered together; null for operations with one.</param>
internal sealed record DocumentOperation(
    string Name,
    string Modality,
    Func<BackendClients, IDocumentUpstream?> Client,
    Func<JsonRequest, ModelRoute, int, CallBounds> Bounds,
    Func<JsonRequest, ReadOnlyMemory<byte>, MeteredUsage> Meter,
    Func<JsonRequest, ModelRoute, long>? Pieces = null,
    Func<JsonRequest, int>? Inputs = null);

/// <param name="Usage">The usage.</param>
/// <param name="IsEstimated">True if ScaiGrid counted it, not the upstream.</param>
internal readonly record struct MeteredUsage(TokenUsage Usage, bool IsEstimated);

/// <summary>A call of a <see cref="DocumentOperation"/>.</summary>
internal sealed class DocumentCall : InferenceCall, IDisposable
{
    public required DocumentOperation Definition { get; init; }

    public required JsonRequest Request { get; init; }

    /// <summary>
    /// A further step that the answer needs before the call is answered and charged, given the call with its document, and the caller's disconnect.
    /// After an error another target is tried. Null if no step is needed.
    /// </summary>
    public Func<DocumentCall, CallDeadline, CancellationToken, Task<UpstreamError?>>? Complete { get; init; }

    public override string Operation => Definition.Name;

    public override CallBounds Bounds(int unboundedOutput) => Definition.Bounds(Request, Route, unboundedOutput);

    public override void KeepToBounds(int unboundedOutput)
    {
        if (Definition.Pieces is { } pieces)
        {
            Request.Bounds = new OutputBounds(int.MaxValue, (int)pieces(Request, Route));
        }
    }

    /// <summary>The upstream's answer, in OpenAI's format; disposed with the call.</summary>
    public PooledBytes Document { get; set; } = null!;

    /// <summary>The result; set when the call is settled.</summary>
    public CallResult Result { get; set; }

    public void Dispose() => Document?.Dispose();
}

/// <summary>Runs calls whose answer is one document: nothing reaches the caller until it is complete, metered and settled.</summary>
internal sealed class DocumentPipeline(CallRunner runner, Dispatcher dispatcher, UsageSettlement settlement, CallDeadlines deadlines)
{
    /// <param name="call">The call; on success its document and result are set.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>The problem to answer with; null on success.</returns>
    public Task<Problem?> RunAsync(DocumentCall call, CancellationToken callerGone) =>
        runner.RunAsync(call, call.Request.Model, call.Definition.Modality, TryAsync, callerGone);

    private async Task<UpstreamError?> TryAsync(DocumentCall call, CancellationToken callerGone)
    {
        if (call.Definition.Client(call.Backend.Clients) is not { } client)
        {
            return UpstreamError.Unsupported(call.Operation);
        }

        using var deadline = deadlines.Begin(call, isStream: false, callerGone);
        var reply = await client.SendAsync(call.Request, call.Route, deadline);
        if (reply.Document is not { } document)
        {
            if (reply.Spent is { } spent)
            {
                call.AddSpent(spent);
                callerGone.ThrowIfCancellationRequested();
            }

            return reply.Error == UpstreamError.AnswerTooLarge ? TooLarge(call) : reply.Error;
        }

        // The document of an earlier target, whose answer was rejected.
        call.Document?.Dispose();
        call.Document = document;
        MeteredUsage metered;
        try
        {
            metered = call.Definition.Meter(call.Request, document.Memory);
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            return new UpstreamError(UpstreamFailure.ShapeMismatch);
        }

        try
        {
            if (call.Complete is not null && await call.Complete(call, deadline, callerGone) is { } error)
            {
                if (error.Failure is UpstreamFailure.AnswersTooLarge)
                {
                    // The caller asked for too much, and the upstream made it.
                    call.AddSpent(metered);
                }

                return error;
            }
        }
        catch
        {
            // The caller disconnected, or a store is unavailable: the upstream has done its work and charges for it.
            await SettleAsync(call, metered, callerGone.IsCancellationRequested ? CallStatus.Cancelled : CallStatus.Error);
            throw;
        }

        await SettleAsync(call, metered, CallStatus.Ok);
        return null;
    }

    /// <summary>An answer with several results is smaller if the caller asks for fewer. Images that the caller asked for were made, and are paid for.</summary>
    private static UpstreamError TooLarge(DocumentCall call)
    {
        var images = call.Definition.Pieces?.Invoke(call.Request, call.Route) ?? 0;
        if (images > 1)
        {
            call.AddSpent(new MeteredUsage(new TokenUsage(Prompt: 0, Completion: 0, Images: (int)images), IsEstimated: true));
        }

        return images > 1 || call.Definition.Inputs?.Invoke(call.Request) > 1 ? UpstreamError.AnswersTooLarge : UpstreamError.AnswerTooLarge;
    }

    private async Task SettleAsync(DocumentCall call, MeteredUsage metered, CallStatus status)
    {
        dispatcher.Answered(call, isStream: false);
        call.Result = await settlement.SettleAsync(call, metered.Usage, metered.IsEstimated, status);
    }
}
