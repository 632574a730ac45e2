namespace ScaiGrid.Inference.Admission;

/// <summary>The actual use of a call.</summary>
/// <param name="Cost">Nano-units charged.</param>
/// <param name="Tokens">Prompt and completion tokens.</param>
/// <param name="At">The usage record's time, which determines the budget period.</param>
public readonly record struct Settlement(long Cost, long Tokens, DateTimeOffset At);
