namespace ScaiGrid.Inference.Admission;

/// <summary>The limits within any 60 seconds; 0 means no limit.</summary>
public readonly record struct RateLimit(int Requests, long Tokens)
{
    public const long MaxTokens = 1_000_000_000_000;

    public bool IsNone => Requests == 0 && Tokens == 0;
}
