using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>An upstream's answer: exactly one of the three properties is set.</summary>
public readonly struct ChatReply
{
    /// <summary>A whole answer in OpenAI's <c>chat.completion</c> format.</summary>
    public PooledBytes? Completion { get; private init; }

    /// <summary>A stream of OpenAI <c>chat.completion.chunk</c> documents.</summary>
    public ChatStream? Stream { get; private init; }

    public UpstreamError? Error { get; private init; }

    public static ChatReply Completed(PooledBytes completion) => new() { Completion = completion };

    public static ChatReply Streaming(ChatStream stream) => new() { Stream = stream };

    public static ChatReply Failed(UpstreamError error) => new() { Error = error };
}
