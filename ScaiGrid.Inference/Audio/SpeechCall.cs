using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Audio;

/// <summary>A speech call, while it is tried on the targets of its model.</summary>
internal sealed class SpeechCall : InferenceCall
{
    public required JsonRequest Request { get; init; }

    /// <summary>The context whose response receives the audio.</summary>
    public required HttpContext Http { get; init; }

    public override string Operation => "text_to_speech";

    public override CallBounds Bounds(int unboundedOutput) =>
        OperationBounds.Generated(Request["input"].Length + Request["instructions"].Length, pieces: 1, Route, unboundedOutput);
}
