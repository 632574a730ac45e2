using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Embeddings;

/// <summary>The <c>input</c> of an embedding request: a text, a list of texts, tokens, or lists of tokens.</summary>
internal static class EmbeddingInput
{
    private enum Kind
    {
        Texts,
        Tokens,
        TokenLists,
    }

    public static void Check(JsonRequest request, Mistakes mistakes)
    {
        using var document = JsonDocument.Parse(request["input"]);
        var input = document.RootElement;
        if (input.ValueKind == JsonValueKind.String)
        {
            CheckText(input, "input", mistakes);
            return;
        }

        var count = input.GetArrayLength();
        var kind = KindOf(input);
        if (count == 0 || (kind != Kind.Tokens && count > EmbeddingOperation.MaxItems))
        {
            mistakes.Add(new ErrorDetail("input", $"must have 1 to {EmbeddingOperation.MaxItems} items."));
            return;
        }

        var index = 0;
        foreach (var item in input.EnumerateArray())
        {
            var field = $"input[{index++}]";
            if (kind == Kind.Texts)
            {
                CheckText(item, field, mistakes);
            }
            else if (kind == Kind.Tokens ? !IsToken(item) : !IsTokenList(item))
            {
                mistakes.Add(new ErrorDetail(field, "must be of the same kind as the first: all strings, all token numbers, or all lists of token numbers."));
            }

            if (mistakes.Count > 0)
            {
                return;
            }
        }
    }

    /// <summary>The number of vectors that the answer must have.</summary>
    public static int Count(JsonRequest request)
    {
        using var document = JsonDocument.Parse(request["input"]);
        var input = document.RootElement;
        return input.ValueKind == JsonValueKind.String || KindOf(input) == Kind.Tokens ? 1 : input.GetArrayLength();
    }

    /// <summary>The number of tokens in the input, for upstreams that do not report it.</summary>
    public static long CountTokens(JsonRequest request)
    {
        using var document = JsonDocument.Parse(request["input"]);
        return Texts(document.RootElement).Sum(TokenCounter.Count) + Tokens(document.RootElement);
    }

    /// <summary>The texts of the input; empty if it consists of tokens.</summary>
    public static IReadOnlyList<string> Texts(JsonElement input) => input.ValueKind == JsonValueKind.String
        ? [JsonText.Of(input)]
        : KindOf(input) == Kind.Texts ? [.. input.EnumerateArray().Select(JsonText.Of)] : [];

    private static long Tokens(JsonElement input) => input.ValueKind == JsonValueKind.String
        ? 0
        : KindOf(input) switch
        {
            Kind.Tokens => input.GetArrayLength(),
            Kind.TokenLists => input.EnumerateArray().Sum(list => (long)list.GetArrayLength()),
            _ => 0,
        };

    private static Kind KindOf(JsonElement input) => input.GetArrayLength() == 0
        ? Kind.Texts
        : input[0].ValueKind switch
        {
            JsonValueKind.Number => Kind.Tokens,
            JsonValueKind.Array => Kind.TokenLists,
            _ => Kind.Texts,
        };

    private static void CheckText(JsonElement text, string field, Mistakes mistakes)
    {
        if (text.ValueKind != JsonValueKind.String || text.GetRawText().Length <= 2)
        {
            mistakes.Add(new ErrorDetail(field, "must be a string that is not empty."));
        }
    }

    private static bool IsTokenList(JsonElement item) => item.ValueKind == JsonValueKind.Array && item.GetArrayLength() > 0 && item.EnumerateArray().All(IsToken);

    private static bool IsToken(JsonElement item) => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out var token) && token >= 0;
}
