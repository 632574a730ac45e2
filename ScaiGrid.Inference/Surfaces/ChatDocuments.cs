using System.Text.Json;

namespace ScaiGrid.Inference.Surfaces;

// The types below describe the surface in the OpenAPI document. The hot path reads and writes bytes and never creates one.
// An optional field has a default value, so that the OpenAPI document does not list it as required.

/// <summary>A chat request. Further fields are passed unchanged to upstreams of the same wire format.</summary>
/// <param name="Model">Slug of a frontend model.</param>
/// <param name="Messages">At least one message.</param>
/// <param name="MaxTokens">Lowered to the model's <c>max_output_tokens</c>.</param>
/// <param name="Temperature">0 to 2.</param>
/// <param name="TopP">0 to 1.</param>
/// <param name="Stop">A string or an array of strings.</param>
/// <param name="Seed">For upstreams that support repeatable sampling.</param>
/// <param name="Stream">Answer with server-sent events.</param>
/// <param name="Tools">Tool definitions in OpenAI's format.</param>
/// <param name="ToolChoice"><c>auto</c>, <c>none</c>, <c>required</c>, or one tool.</param>
/// <param name="Metadata">Passed to upstreams that accept it: to OpenAI and Azure only if <c>store</c> is sent as well.</param>
/// <param name="ResponseFormat"><c>text</c>, <c>json_object</c> or <c>json_schema</c>.</param>
/// <param name="ReasoningEffort">For reasoning models.</param>
/// <param name="ParallelToolCalls">Whether several tools may be called at once.</param>
/// <param name="User">The end user, for the upstream's abuse detection.</param>
public sealed record ChatBody(
    string Model,
    IReadOnlyList<ChatBodyMessage> Messages,
    int? MaxTokens = null,
    double? Temperature = null,
    double? TopP = null,
    JsonElement? Stop = null,
    long? Seed = null,
    bool? Stream = null,
    IReadOnlyList<JsonElement>? Tools = null,
    JsonElement? ToolChoice = null,
    JsonElement? Metadata = null,
    JsonElement? ResponseFormat = null,
    string? ReasoningEffort = null,
    bool? ParallelToolCalls = null,
    string? User = null);

/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">A string, or parts: <c>text</c>, <c>image_url</c>, <c>input_audio</c>, <c>file</c>.</param>
/// <param name="ToolCalls">In messages of the role <c>assistant</c>.</param>
/// <param name="ToolCallId">In messages of the role <c>tool</c>.</param>
public sealed record ChatBodyMessage(string Role, JsonElement? Content = null, IReadOnlyList<JsonElement>? ToolCalls = null, string? ToolCallId = null);

/// <summary>The <c>data</c> of a whole answer.</summary>
public sealed record ChatData(string Id, string Model, long Created, IReadOnlyList<ChatDataChoice> Choices, ChatDataUsage Usage, ChatDataRouting Routing);

/// <param name="Index">Position.</param>
/// <param name="Message">The answer.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>content_filter</c> or <c>error</c>.</param>
/// <param name="Logprobs">Token log probabilities in the upstream's form; left out if it returns none.</param>
public sealed record ChatDataChoice(int Index, ChatDataMessage Message, string FinishReason, JsonElement? Logprobs = null);

/// <param name="Role"><c>assistant</c>.</param>
/// <param name="Content">Plain text; empty if the message only calls tools.</param>
/// <param name="ToolCalls">Left out if there are none.</param>
/// <param name="Reasoning">Left out if the upstream shows none.</param>
/// <param name="Refusal">The model's refusal to answer; left out if it answers.</param>
/// <param name="Annotations">Cited sources, in the upstream's form; left out if there are none.</param>
/// <param name="Audio">The model's spoken answer, in the upstream's form; left out if there is none.</param>
/// <param name="ExtraContent">Provider state that the upstream requires back with the next turn: send the message back unchanged. Left out if there is
/// none.</param>
public sealed record ChatDataMessage(
    string Role,
    string Content,
    IReadOnlyList<JsonElement>? ToolCalls = null,
    string? Reasoning = null,
    string? Refusal = null,
    IReadOnlyList<JsonElement>? Annotations = null,
    JsonElement? Audio = null,
    JsonElement? ExtraContent = null);

/// <summary>Tokens; cached ones are part of the prompt, reasoning ones part of the completion.</summary>
public sealed record ChatDataUsage(long PromptTokens, long CompletionTokens, long TotalTokens, long CachedTokens, long ReasoningTokens);

/// <param name="BackendId">The backend that answered.</param>
/// <param name="Attempts">Number of attempts, over all backends.</param>
/// <param name="LatencyMs">Milliseconds from acceptance of the request to the end of the answer.</param>
public sealed record ChatDataRouting(string BackendId, int Attempts, long LatencyMs);
