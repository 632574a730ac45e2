using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A chat call on its way through the targets of its model.</summary>
public sealed class ChatCall : InferenceCall
{
    public override string Operation => "chat";

    public required ChatRequest Request { get; init; }

    public required IChatResponder Responder { get; init; }

    /// <summary>What is left of the call where the process is killed in its middle; null while there is nothing worth it.</summary>
    internal UsageNote? Note { get; set; }

    public override CallBounds Bounds(int unboundedOutput) => ChatBounds.Of(Request, Route, unboundedOutput);

    public override void KeepToBounds(int unboundedOutput)
    {
        // Upstreams of another format read the bound from the request; those of the same get it spliced in.
        Request.Bounds = ChatBounds.Output(Request, Route, unboundedOutput);
        Request.ReservedOutput = ChatBounds.ToSend(Request, Route, unboundedOutput);
        Request.MaxTokens ??= Request.ReservedOutput;
    }
}
