using System.Text.Json;
using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>How one provider says the few things that conformance is about. Events are whole, blank line included.</summary>
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

    /// <summary>What a stream starts with.</summary>
    public abstract IEnumerable<string> Begin();

    public abstract string Text(string text);

    /// <summary>One call, its arguments in as many fragments as the format has.</summary>
    public abstract IEnumerable<string> Call(string name, params string[] fragments);

    /// <summary>The reason to end and, if asked for, the usage: 11 tokens in, 7 out.</summary>
    public abstract IEnumerable<string> Finish(bool isCall = false, bool withUsage = true);

    /// <summary>The mark of the end, where there is one.</summary>
    public abstract IEnumerable<string> End();

    /// <summary>An error inside a stream.</summary>
    public abstract string Overloaded();

    /// <summary>An error answer that repeats a text.</summary>
    public abstract string Error(string message);

    protected static string Event(object data, string? name = null) => $"{(name is null ? "" : $"event: {name}\n")}data: {JsonSerializer.Serialize(data)}\n\n";
}
