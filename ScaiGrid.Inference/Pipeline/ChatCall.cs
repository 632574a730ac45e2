using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>A chat call.</summary>
public sealed class ChatCall : InferenceCall
{
    public override string Operation => "chat";

    public required ChatRequest Request { get; init; }

    public required IChatResponder Responder { get; init; }

    /// <summary>The usage that is kept if the process is killed during the call; null until there is any.</summary>
    internal UsageNote? Note { get; set; }

    public override CallBounds Bounds(int unboundedOutput) => ChatBounds.Of(Request, Route, unboundedOutput);

    public override void KeepToBounds(int unboundedOutput)
    {
        // Translated formats read the bound from the request; for OpenAI's format it is spliced in.
        Request.Bounds = ChatBounds.Output(Request, Route, unboundedOutput);
        Request.ReservedOutput = ChatBounds.ToSend(Request, Route, unboundedOutput);
        Request.MaxTokens ??= Request.ReservedOutput;
    }
}
