using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>How a response ended, and its usage: the same in a whole answer and in the last event of a stream.</summary>
internal static class OpenAiResponsesOutcome
{
    /// <summary>The reason why there is no answer; null if there is one, complete or not.</summary>
    public static UpstreamError? Failure(JsonElement response, UpstreamAddress address)
    {
        var status = JsonText.Of(response, "status"u8);
        if (status is "completed" or "incomplete")
        {
            return null;
        }

        return response.TryGetObject("error"u8, out var error) ? UpstreamErrors.FromEvent(Encoding.UTF8.GetBytes(error.GetRawText()), address)
            : status is null ? null
            : new UpstreamError(UpstreamFailure.ErrorEvent, "The upstream's answer did not come to an end.");
    }

    public static string Finish(JsonElement response, bool hasCalls)
    {
        if (JsonText.Of(response, "status"u8) != "incomplete")
        {
            return hasCalls ? "tool_calls" : "stop";
        }

        return response.TryGetObject("incomplete_details"u8, out var details) && JsonText.Of(details, "reason"u8) == "content_filter"
            ? "content_filter"
            : "length";
    }

    /// <summary>A call's arguments as a JSON string: an empty object if it has none, but nothing if the call was cut off before them.</summary>
    public static ReadOnlySpan<byte> Arguments(JsonElement call)
    {
        var arguments = call.RawText("arguments"u8);
        return arguments.Length > 2 || JsonText.Of(call, "status"u8) == "incomplete" ? arguments : "\"{}\""u8;
    }

    /// <returns>Null if the usage is missing or does not count the prompt.</returns>
    public static TokenUsage? Usage(JsonElement response, out long cacheWrites)
    {
        cacheWrites = 0;
        if (!response.TryGetObject("usage"u8, out var usage))
        {
            return null;
        }

        cacheWrites = usage.TryGetObject("input_tokens_details"u8, out var input) ? TokenUsage.Count(input, "cache_write_tokens"u8) ?? 0 : 0;
        var reader = new Utf8JsonReader(usage.Raw());
        reader.Read();
        return TokenUsage.Read(ref reader);
    }
}
