using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

internal enum ToolChoiceMode
{
    /// <summary>Not specified.</summary>
    Unset,

    Auto,
    None,

    /// <summary>At least one tool must be called.</summary>
    Required,
}

/// <summary>What a request specifies about calling tools.</summary>
/// <param name="Mode">Whether a tool may or must be called.</param>
/// <param name="Names">The one function that must be called, or those that may be; empty for all.</param>
/// <param name="Allowed">The names as a set, if they restrict the tools rather than force one.</param>
internal readonly record struct ToolChoice(ToolChoiceMode Mode, IReadOnlyList<string> Names, IReadOnlySet<string>? Allowed = null)
{
    public bool IsForced => Mode == ToolChoiceMode.Required;

    /// <summary>Reads <c>tool_choice</c>: a mode, one function, or a list of allowed ones.</summary>
    public static ToolChoice Of(JsonElement request)
    {
        if (!request.TryGetProperty("tool_choice"u8, out var choice))
        {
            return new ToolChoice(ToolChoiceMode.Unset, []);
        }

        if (choice.ValueKind == JsonValueKind.Object)
        {
            return OfObject(choice);
        }

        return new ToolChoice(choice.ValueKind == JsonValueKind.String ? Word(JsonText.Of(choice)) : ToolChoiceMode.Unset, []);
    }

    /// <summary>True if the function is sent to the upstream. A forced function does not hide the others: the conversation may contain calls of them.</summary>
    public bool Allows(JsonElement function) => Allowed is null || IsNamed(function);

    /// <summary>True if the function is among the names.</summary>
    public bool IsNamed(JsonElement function) => JsonText.Of(function, "name"u8) is { } name && (Allowed?.Contains(name) ?? Names.Contains(name));

    private static ToolChoice OfObject(JsonElement choice)
    {
        if (choice.TryGetObject("function"u8, out var function) && JsonText.Of(function, "name"u8) is { } name)
        {
            return new ToolChoice(ToolChoiceMode.Required, [name]);
        }

        if (!choice.TryGetObject("allowed_tools"u8, out var allowed))
        {
            return new ToolChoice(ToolChoiceMode.Unset, []);
        }

        var names = allowed.Items("tools"u8)
            .Select(tool => tool.TryGetObject("function"u8, out var one) ? JsonText.Of(one, "name"u8) : null)
            .OfType<string>()
            .ToHashSet();
        return new ToolChoice(Word(JsonText.Of(allowed, "mode"u8)), [.. names], names);
    }

    private static ToolChoiceMode Word(string? word) => word switch
    {
        "none" => ToolChoiceMode.None,
        "required" or "any" => ToolChoiceMode.Required,
        "auto" => ToolChoiceMode.Auto,
        _ => ToolChoiceMode.Unset,
    };
}
