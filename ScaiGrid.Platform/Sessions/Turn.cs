using System.Text.Json.Nodes;
using ScaiGrid.Platform.Calls;

namespace ScaiGrid.Platform.Sessions;

/// <summary>A user's message, and the model that answers it.</summary>
/// <param name="ConversationId">sess_… or room_…</param>
/// <param name="Model">The slug of the model that answers.</param>
/// <param name="SystemPrompt">The conversation's system prompt.</param>
/// <param name="Content">The user's message.</param>
/// <param name="NamesAuthors">Whether the model is told who wrote each message, for conversations of several users.</param>
/// <param name="MaxTokens">The limit of the reply.</param>
internal sealed record Turn(string ConversationId, string Model, string? SystemPrompt, string Content, bool NamesAuthors, int? MaxTokens);

/// <summary>The result of a turn: a message, or the response that explains why there is none.</summary>
internal sealed record TurnResult(Message? Message, JsonNode? Usage, InferenceAnswer Answer);
