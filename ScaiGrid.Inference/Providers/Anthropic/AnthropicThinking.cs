using System.Net.Http.Headers;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Decides whether and how much the model thinks.</summary>
internal static class AnthropicThinking
{
    /// <summary>The header that lists features to enable.</summary>
    public const string BetaHeader = "anthropic-beta";

    /// <summary>The feature that <c>block_binding</c> belongs to.</summary>
    private const string BindingBeta = "thinking-binding-controls-2026-08-01";

    /// <summary>The field as written below. In a caller's own text its quotes are escaped, so it cannot match.</summary>
    private static ReadOnlySpan<byte> Binding => "\"block_binding\":{\"prefix_mismatch_behavior\":"u8;

    private const long SmallestBudget = 1024;

    /// <returns>True if the caller asked for thinking and gets it.</returns>
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

        // Thinking and a forced tool are mutually exclusive: the tool wins, because the caller's program depends on it.
        var isWanted = request.Effort is not (null or "none") && !isForced;
        return model.ThinksAdaptively ? WriteAdaptive(request, writer, model, isWanted) : isWanted && WriteBudget(request, writer, maxTokens);
    }

    /// <summary>Adds the feature to those of the operator, if the request uses it.</summary>
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
    /// True to omit the thinking blocks of earlier turns: if blocks are bound and thinking is off. The option that drops blocks which no longer
    /// match is part of thinking, and omitting only some would invalidate the rest.
    /// </summary>
    public static bool ForgetsThoughts(RequestDocument request, AnthropicModel model) => model.BindsThinking && IsOff(request, model);

    /// <summary>The effort as the upstream names it; null to send none.</summary>
    public static string? Effort(RequestDocument request, AnthropicModel model) => !model.ThinksAdaptively ? null : request.Effort switch
    {
        // The lowest effort of a model that always thinks.
        "none" => model.AlwaysThinks ? "low" : null,
        "minimal" => "low",
        "xhigh" when !model.TakesExtraHigh => "high",
        var effort => effort,
    };

    private static bool IsOff(RequestDocument request, AnthropicModel model) => request.Effort == "none" && !model.AlwaysThinks;

    private static bool WriteAdaptive(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, bool isWanted)
    {
        // If the system prompt or the tools have changed since a block was signed, the upstream is to drop the block. By default it rejects the
        // conversation, which the caller could not fix.
        var isBound = model.BindsThinking && AnthropicMessages.HasThinking(request);
        if (!isWanted && !isBound)
        {
            return false;
        }

        writer.WriteStartObject("thinking"u8);
        writer.WriteString("type"u8, "adaptive"u8);
        if (isWanted)
        {
            // Newer models omit the thinking's text unless it is requested.
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

    // The budget counts towards the output limit; a quarter of the limit is left for the answer.
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
