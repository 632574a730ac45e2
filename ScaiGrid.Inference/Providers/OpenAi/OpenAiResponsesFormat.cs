using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// Translates chat completions to OpenAI's Responses API and back. It is used statelessly: nothing is stored, and every call sends the whole conversation.
/// </summary>
internal sealed class OpenAiResponsesFormat(OpenAiResponsesModel model, TimeProvider time) : TranslatedFormat(model.Name)
{
    /// <summary>The setting that selects which of OpenAI's two APIs is used for chat.</summary>
    public const string Api = "api";

    /// <summary>The setting for how the model summarises its reasoning.</summary>
    public const string Summary = "reasoning_summary";

    public static Func<JsonNode?, string?> CheckApi { get; } = ProviderSettings.OneOf("chat", "responses");

    public static Func<JsonNode?, string?> CheckSummary { get; } = ProviderSettings.OneOf("auto", "concise", "detailed");

    public static bool IsAskedFor(ProviderSettings settings) => settings.Text(Api) == "responses";

    /// <summary>Creates the chat client of a backend.</summary>
    public static HttpChat Connect(UpstreamHttp http, UpstreamAddress address, Uri endpoint, BackendConnection backend, ProviderSettings settings, TimeProvider time)
    {
        var model = new OpenAiResponsesModel(backend.Model, backend.BackendId, settings.Text(Summary), settings.Text(OpenAiFormat.ModelLike));
        return new HttpChat(http, address, new OpenAiResponsesFormat(model, time), endpoint, endpoint);
    }

    protected override PooledBytes Write(RequestDocument document) => OpenAiResponsesRequest.Write(document, model);

    public override PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        using (answer)
        {
            using var document = JsonDocument.Parse(answer.Memory);
            var response = document.RootElement;
            failed = response.ValueKind != JsonValueKind.Object || !response.TryGetProperty("output"u8, out var output) || output.ValueKind != JsonValueKind.Array
                ? new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no output.")
                : OpenAiResponsesOutcome.Failure(response, address);
            return failed is null ? Read(response) : null;
        }
    }

    public override string FieldOf(string field) => field switch
    {
        "max_output_tokens" => "max_completion_tokens",
        "reasoning.effort" => "reasoning_effort",
        "text.verbosity" => "verbosity",
        _ when field.StartsWith("text.format", StringComparison.Ordinal) => "response_format",

        // Item indexes differ from those of the messages that they come from.
        _ when field == "input" || field.StartsWith("input[", StringComparison.Ordinal) => "messages",
        _ => field,
    };

    // The key now belongs to another organization, or the upstream can no longer decrypt its reasoning: retry without it.
    public override ChatFormat? Without(UpstreamError error) =>
        error.Code == UpstreamErrorFacts.ForeignThoughts && model.TakesThoughts ? new OpenAiResponsesFormat(model with { TakesThoughts = false }, time) : null;

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new OpenAiResponsesStream(address, model.BackendId, time.GetUtcNow().ToUnixTimeSeconds());

    private PooledBytes Read(JsonElement response)
    {
        using var completion = new CompletionWriter();
        using var items = new OpenAiResponsesItems();
        completion.Start(response.RawText("id"u8), response.RawText("model"u8), time.GetUtcNow().ToUnixTimeSeconds());
        foreach (var item in response.Items("output"u8))
        {
            items.Add(item);
            ReadItem(completion, item);
        }

        var extra = items.ToExtraContent(model.BackendId);
        completion.EndChoice(
            0, OpenAiResponsesOutcome.Finish(response, completion.HasToolCalls), extra is null ? null : writer => writer.WriteRaw("extra_content"u8, extra));
        return completion.End(OpenAiResponsesOutcome.Usage(response, out var cacheWrites), cacheWrites);
    }

    private static void ReadItem(CompletionWriter completion, JsonElement item)
    {
        switch (JsonText.Of(item, "type"u8))
        {
            case "reasoning":
                foreach (var thought in item.Items("summary"u8).Concat(item.Items("content"u8)))
                {
                    if (thought.TryGetString("text"u8, out var text))
                    {
                        completion.BreakReasoning();
                        completion.AddReasoning(text);
                    }
                }

                break;
            case "message":
                foreach (var part in item.Items("content"u8))
                {
                    ReadPart(completion, part);
                }

                break;
            case "function_call" when item.TryGetString("name"u8, out var name):
                completion.AddToolCallOfText(JsonText.Of(item, "call_id"u8) ?? "", name.Raw(), OpenAiResponsesOutcome.Arguments(item));
                break;
        }
    }

    private static void ReadPart(CompletionWriter completion, JsonElement part)
    {
        if (part.TryGetString("text"u8, out var text))
        {
            completion.AddContent(text);
        }
        else if (part.TryGetString("refusal"u8, out var refusal))
        {
            completion.AddRefusal(refusal);
        }
    }
}
