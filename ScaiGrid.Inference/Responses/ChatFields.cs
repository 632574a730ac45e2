using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Responses;

/// <summary>Maps the field names of the chat request back to those of the Responses API, because errors name fields of the chat request.</summary>
internal static class ChatFields
{
    /// <param name="problem">The problem with the chat request.</param>
    /// <param name="namespaces">The namespaces of its functions.</param>
    public static Problem InCallersWords(Problem problem, ToolNamespaces namespaces) =>
        problem.Details is { Count: > 0 } details ? problem with { Details = [.. details.Select(detail => InCallersWords(detail, namespaces))] } : problem;

    private static ErrorDetail InCallersWords(ErrorDetail detail, ToolNamespaces namespaces) => detail.Field switch
    {
        "max_tokens" or "max_completion_tokens" => detail with { Field = "max_output_tokens" },
        "reasoning_effort" => detail with { Field = "reasoning.effort" },
        "verbosity" => detail with { Field = "text.verbosity" },
        "messages" => detail with { Field = "input" },
        var field when Stands(field, "response_format") => detail with { Field = $"text.format{field["response_format".Length..].Replace(".json_schema", "", StringComparison.Ordinal)}" },
        var field when Stands(field, "tool_choice") || (Stands(field, "tools") && !namespaces.HasGroups) =>
            detail with { Field = field.Replace(".function", "", StringComparison.Ordinal) },

        // A message may combine several items, and a grouped tool has another index, so the chat path appears only in the message text.
        var field when Stands(field, "messages") => new ErrorDetail("input", $"in the resulting chat request, {field}: {detail.Message}"),
        var field when Stands(field, "tools") => new ErrorDetail("tools", $"in the resulting chat request, {field}: {detail.Message}"),
        _ => detail,
    };

    // True for the field itself or anything inside it.
    private static bool Stands(string field, string name) =>
        field.StartsWith(name, StringComparison.Ordinal) && (field.Length == name.Length || field[name.Length] is '.' or '[');
}
