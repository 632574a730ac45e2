using System.Net.Http.Headers;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Whether the model is to think, and how much.</summary>
internal static class AnthropicThinking
{
    /// <summary>The header that names features to switch on.</summary>
    public const string BetaHeader = "anthropic-beta";

    /// <summary>The feature that <c>block_binding</c> belongs to.</summary>
    private const string BindingBeta = "thinking-binding-controls-2026-08-01";

    /// <summary>As it is written below. A caller's own text holds it with its quotes escaped.</summary>
    private static ReadOnlySpan<byte> Binding => "\"block_binding\":{\"prefix_mismatch_behavior\":"u8;

    private const long SmallestBudget = 1024;

    /// <returns>Whether the caller asked for thinking, and gets it.</returns>
    public static bool Write(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, bool isForced, long maxTokens)
    {
        if (IsOff(request, model))
        {
            if (model.ThinkingOff is { } off)
            {
                writer.WriteStartObject("thinking"u8);
                writer.WriteString("type"u8, off);
                writer.WriteEndObject();
            }

            return false;
        }

        // Thinking and a forced tool exclude each other: the tool is what the caller's program depends on.
        var isWanted = request.Effort is not (null or "none") && !isForced;
        return model.ThinksAdaptively ? WriteAdaptive(request, writer, model, isWanted) : isWanted && WriteBudget(request, writer, maxTokens);
    }

    /// <summary>Names the feature beside those of the operator, where the request asks for something of it.</summary>
    public static void NameFeature(HttpRequestHeaders headers, ReadOnlySpan<byte> request)
    {
        var named = headers.TryGetValues(BetaHeader, out var values) ? string.Join(',', values) : "";
        if (request.IndexOf(Binding) >= 0 && !named.Contains(BindingBeta, StringComparison.Ordinal))
        {
            headers.Remove(BetaHeader);
            headers.TryAddWithoutValidation(BetaHeader, named.Length > 0 ? $"{named},{BindingBeta}" : BindingBeta);
        }
    }

    /// <summary>
    /// Whether the thoughts of earlier turns are to be left out: bound ones, where thinking is switched off. What has them dropped where they
    /// no longer fit is part of thinking, and some left out make the others unfit.
    /// </summary>
    public static bool ForgetsThoughts(RequestDocument request, AnthropicModel model) => model.BindsThinking && IsOff(request, model);

    /// <summary>The effort in the upstream's words; null where there is none to be told.</summary>
    public static string? Effort(RequestDocument request, AnthropicModel model) => !model.ThinksAdaptively ? null : request.Effort switch
    {
        // The least that can be had of a model that always thinks.
        "none" => model.AlwaysThinks ? "low" : null,
        "minimal" => "low",
        "xhigh" when !model.TakesExtraHigh => "high",
        var effort => effort,
    };

    private static bool IsOff(RequestDocument request, AnthropicModel model) => request.Effort == "none" && !model.AlwaysThinks;

    private static bool WriteAdaptive(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, bool isWanted)
    {
        // Where the system prompt or the tools are others than when a thought was signed, the upstream is to forget the thought: left to
        // itself it refuses the conversation, which the caller cannot mend.
        var isBound = model.BindsThinking && AnthropicMessages.HasThinking(request);
        if (!isWanted && !isBound)
        {
            return false;
        }

        writer.WriteStartObject("thinking"u8);
        writer.WriteString("type"u8, "adaptive"u8);
        if (isWanted)
        {
            // Newer models leave the text out unless it is asked for.
            writer.WriteString("display"u8, "summarized"u8);
        }

        if (isBound)
        {
            writer.WriteStartObject("block_binding"u8);
            writer.WriteString("prefix_mismatch_behavior"u8, "drop_block"u8);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        return isWanted;
    }

    // The budget is part of the bound on all output, and a quarter of that is left for the answer.
    private static bool WriteBudget(RequestDocument request, Utf8JsonWriter writer, long maxTokens)
    {
        var budget = Math.Min(Budget(request.Effort!), maxTokens - (maxTokens / 4) - 1);
        if (budget < SmallestBudget || AnthropicMessages.ContinuesWithoutThinking(request))
        {
            return false;
        }

        writer.WriteStartObject("thinking"u8);
        writer.WriteString("type"u8, "enabled"u8);
        writer.WriteNumber("budget_tokens"u8, budget);
        writer.WriteEndObject();
        return true;
    }

    private static long Budget(string effort) => effort switch
    {
        "minimal" => SmallestBudget,
        "low" => 2048,
        "high" => 16384,
        "xhigh" or "max" => 32768,
        _ => 8192,
    };
}
