using System.Text.Json;
using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>How one wire format expresses what the conformance tests need. Events include their blank line.</summary>
internal abstract class WireDialect
{
    public static WireDialect Of(string type) => type switch
    {
        "anthropic" => new AnthropicDialect(),
        "google" => new GoogleDialect(),
        "openai-responses" => new OpenAiResponsesDialect(),
        _ => new OpenAiDialect(type),
    };

    public abstract string Type { get; }

    public virtual string Model => "model-at-upstream";

    public virtual JsonObject Config(string address, string key) => new() { ["base_url"] = address, ["api_key"] = key };

    public abstract string Whole(string text, bool withUsage = true);

    /// <summary>The events at the start of a stream.</summary>
    public abstract IEnumerable<string> Begin();

    public abstract string Text(string text);

    /// <summary>A tool call, with its arguments in fragments if the format allows that.</summary>
    public abstract IEnumerable<string> Call(string name, params string[] fragments);

    /// <summary>The finish reason and, if requested, the usage: 11 input and 7 output tokens.</summary>
    public abstract IEnumerable<string> Finish(bool isCall = false, bool withUsage = true);

    /// <summary>The end marker, if the format has one.</summary>
    public abstract IEnumerable<string> End();

    /// <summary>An error event inside a stream.</summary>
    public abstract string Overloaded();

    /// <summary>An error response with this message.</summary>
    public abstract string Error(string message);

    protected static string Event(object data, string? name = null) => $"{(name is null ? "" : $"event: {name}\n")}data: {JsonSerializer.Serialize(data)}\n\n";
}
