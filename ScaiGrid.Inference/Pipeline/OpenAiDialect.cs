namespace ScaiGrid.Inference.Pipeline;

/// <summary>What an upstream of OpenAI's format accepts.</summary>
/// <param name="OutputLimit">The only field accepted as the output limit, <c>max_tokens</c> or <c>max_completion_tokens</c>; null for the caller's.</param>
/// <param name="ToolEffort">The reasoning effort to send with tools if the request has none, for models that reject tools without it.</param>
/// <param name="IsOpenAi">True for OpenAI's own models: they accept <c>metadata</c> only with a stored answer.</param>
/// <param name="RefusesUnknown">True if fields of messages that it does not know are an error, so that none of another model's answers is sent.</param>
internal readonly record struct OpenAiDialect(string? OutputLimit = null, string? ToolEffort = null, bool IsOpenAi = false, bool RefusesUnknown = false)
{
    /// <summary>The dialect of an upstream that accepts all that a caller may send.</summary>
    public static OpenAiDialect Plain => default;
}
