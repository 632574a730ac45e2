using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Streaming;

/// <summary>The usage that a stream's chunks have given so far.</summary>
internal struct StreamUsage
{
    private TokenUsage? _whole;
    private TokenUsage? _choice;
    private bool _hasOtherChoices;

    /// <summary>
    /// Null if there is none that counts the whole answer: a choice's own usage does so only if there is no other choice.
    /// </summary>
    public readonly TokenUsage? Value => _whole ?? (_hasOtherChoices ? null : _choice);

    public void Add(ChunkView chunk)
    {
        _whole = chunk.Usage ?? _whole;
        _choice = chunk.ChoiceUsage ?? _choice;
        _hasOtherChoices |= chunk.HasOtherChoices;
    }
}
