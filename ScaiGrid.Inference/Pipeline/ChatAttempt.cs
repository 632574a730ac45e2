namespace ScaiGrid.Inference.Pipeline;

/// <summary>A chat call on its way through the targets of its model.</summary>
public sealed class ChatAttempt : Attempt
{
    public override string Operation => "chat";

    public required ChatRequest Request { get; init; }

    public required IChatResponder Responder { get; init; }
}
