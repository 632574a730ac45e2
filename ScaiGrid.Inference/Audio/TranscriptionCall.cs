using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Audio;

/// <summary>A transcription call, while it is tried on the targets of its model.</summary>
internal sealed class TranscriptionCall : InferenceCall, IDisposable
{
    public required TranscriptionRequest Request { get; init; }

    public override string Operation => "transcription";

    public override CallBounds Bounds(int unboundedOutput) => OperationBounds.Recording(Request.File.Length, Route, unboundedOutput);

    /// <summary>The response format; known once the model is.</summary>
    public string Format => Request.FormatFor(Route);

    /// <summary>The upstream's answer, in <see cref="Format"/>; JSON for plain text.</summary>
    public PooledBytes Document { get; set; } = null!;

    /// <summary>The result; set when the call is settled.</summary>
    public CallResult Result { get; set; }

    public void Dispose() => Document?.Dispose();
}
