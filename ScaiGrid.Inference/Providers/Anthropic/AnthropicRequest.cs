using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Writes a Messages request.</summary>
internal static class AnthropicRequest
{
    public static PooledBytes Write(RequestDocument request, AnthropicModel model)
    {
        ConversationRules.Check(request);
        ConversationRules.CheckEffort(request);
        if (request.Number("n"u8) is > 1)
        {
            request.Refuse("n", "is more than 1: this model returns one choice per call.");
        }

        var output = new PooledBytes(4096);
        using var writer = TranslationJson.Writer(output);
        var choice = ToolChoice.Of(request.Root);
        var maxTokens = request.MaxTokens ?? request.Route.MaxOutputTokens ?? model.DefaultMaxTokens;
        writer.WriteStartObject();
        writer.WriteString("model"u8, model.Name);
        writer.WriteNumber("max_tokens"u8, maxTokens);
        if (request.Stream)
        {
            writer.WriteBoolean("stream"u8, true);
        }

        AnthropicSystem.Write(request, writer, model.TakesForcedTools ? default : choice);
        new AnthropicMessages(request, writer, AnthropicThinking.ForgetsThoughts(request, model)).Write(model.TakesPrefill);
        WriteTools(request, writer, choice, model);
        var isThinking = AnthropicThinking.Write(request, writer, model, choice.IsForced && model.TakesForcedTools, maxTokens);
        WriteOutputConfig(request, writer, model);
        WriteSampling(request, writer, model, isThinking);
        WriteStops(request, writer);
        AnthropicUser.Write(request, writer);

        writer.WriteEndObject();
        writer.Flush();
        return output;
    }

    private static void WriteTools(RequestDocument request, Utf8JsonWriter writer, ToolChoice choice, AnthropicModel model)
    {
        var tools = request.Root.Items("tools"u8)
            .Index().Where(tool => tool.Item.TryGetObject("function"u8, out var function) && choice.Allows(function)).ToList();
        if (tools.Count == 0)
        {
            return;
        }

        var strictness = new AnthropicStrictness();
        if (TryGetSchema(request, out var output))
        {
            strictness.TakeOutput(output);
        }

        writer.WriteStartArray("tools"u8);
        foreach (var (index, tool) in tools)
        {
            WriteTool(request, writer, tool, $"tools[{index}].function.parameters", strictness);
        }

        writer.WriteEndArray();
        var isSerial = request.Flag("parallel_tool_calls"u8) == false;
        if (choice.Mode == ToolChoiceMode.Unset && !isSerial)
        {
            return;
        }

        writer.WriteStartObject("tool_choice"u8);
        writer.WriteString("type"u8, choice.Mode switch
        {
            ToolChoiceMode.None => "none"u8,
            ToolChoiceMode.Required when model.TakesForcedTools => choice.Names.Count == 1 ? "tool"u8 : "any"u8,
            _ => "auto"u8,
        });
        if (choice is { IsForced: true, Names: [var name] } && model.TakesForcedTools)
        {
            writer.WriteString("name"u8, name);
        }

        if (isSerial && choice.Mode != ToolChoiceMode.None)
        {
            writer.WriteBoolean("disable_parallel_tool_use"u8, true);
        }

        writer.WriteEndObject();
    }

    private static void WriteTool(RequestDocument request, Utf8JsonWriter writer, JsonElement tool, string path, AnthropicStrictness strictness)
    {
        var function = tool.GetProperty("function"u8);
        writer.WriteStartObject();
        function.CopyTo(writer, "name"u8);
        function.CopyTo(writer, "description"u8);
        var isStrict = function.TryGetProperty("strict"u8, out var strict) && strict.ValueKind == JsonValueKind.True && strictness.TryTake(function);
        writer.WritePropertyName("input_schema"u8);
        new AnthropicSchema(request, writer).WriteInput(function, isStrict, path);
        if (isStrict)
        {
            writer.WriteBoolean("strict"u8, true);
        }

        tool.CopyTo(writer, "cache_control"u8);
        writer.WriteEndObject();
    }

    private static void WriteOutputConfig(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model)
    {
        var effort = AnthropicThinking.Effort(request, model);
        var hasSchema = TryGetSchema(request, out var schema);
        if (effort is null && !hasSchema)
        {
            return;
        }

        writer.WriteStartObject("output_config"u8);
        if (effort is not null)
        {
            writer.WriteString("effort"u8, effort);
        }

        if (hasSchema)
        {
            writer.WriteStartObject("format"u8);
            writer.WriteString("type"u8, "json_schema"u8);
            writer.WritePropertyName("schema"u8);
            new AnthropicSchema(request, writer).Write(schema, "response_format.json_schema.schema");
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static bool TryGetSchema(RequestDocument request, out JsonElement schema)
    {
        schema = default;
        return request.Root.TryGetObject("response_format"u8, out var format)
            && format.TryGetObject("json_schema"u8, out var named)
            && named.TryGetObject("schema"u8, out schema);
    }

    private static void WriteSampling(RequestDocument request, Utf8JsonWriter writer, AnthropicModel model, bool isThinking)
    {
        if (!model.TakesSampling || isThinking)
        {
            return;
        }

        // The model rejects temperature and top_p together. Its temperature ends at 1, OpenAI's at 2.
        if (request.TryGetNumber("temperature"u8, out var temperature))
        {
            if (temperature.GetDouble() > 1)
            {
                writer.WriteNumber("temperature"u8, 1);
            }
            else
            {
                writer.WriteRaw("temperature"u8, temperature);
            }
        }
        else if (request.TryGetNumber("top_p"u8, out var topP))
        {
            writer.WriteRaw("top_p"u8, topP);
        }
    }

    private static void WriteStops(RequestDocument request, Utf8JsonWriter writer)
    {
        // Stop sequences that are only white space are rejected.
        var stops = request.Stops.Where(stop => !string.IsNullOrWhiteSpace(JsonText.Of(stop))).ToList();
        if (stops.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("stop_sequences"u8);
        foreach (var stop in stops)
        {
            writer.WriteRawValue(stop.Raw(), skipInputValidation: true);
        }

        writer.WriteEndArray();
    }
}
