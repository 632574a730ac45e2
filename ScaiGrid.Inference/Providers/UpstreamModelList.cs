using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Reads an upstream's list of models. OpenAI, Anthropic and compatible servers return <c>{"data":[{"id"}]}</c>, Together the list alone, Google
/// <c>{"models":[{"name"}]}</c>; further fields differ.
/// </summary>
internal static class UpstreamModelList
{
    private const int MaxBytes = 8 * 1024 * 1024;

    public static async Task<ModelListing> ReadAsync(UpstreamHttp http, UpstreamAddress address, string path, CancellationToken cancellationToken)
    {
        try
        {
            using var message = address.Request(HttpMethod.Get, address.At(path));
            using var response = await http.SendAsync(message, address.Authority, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return ModelListing.Failed(await UpstreamErrors.ReadAsync(response, address, http.Time, cancellationToken));
            }

            if (UpstreamErrors.OfEncoding(response) is { } encoded)
            {
                return ModelListing.Failed(encoded);
            }

            using var body = new PooledBytes(16 * 1024);
            var content = await response.Content.ReadAsStreamAsync(cancellationToken);
            int read;
            while ((read = await content.ReadAsync(body.GetMemory(4096), cancellationToken)) > 0)
            {
                body.Advance(read);
                if (body.Length > MaxBytes)
                {
                    return ModelListing.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's list of models is too large."));
                }
            }

            if (UpstreamErrors.In(body.Memory, address) is { } error)
            {
                return ModelListing.Failed(error);
            }

            address.Mask(body.Array.AsSpan(0, body.Length));
            return Parse(body.Memory);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || UpstreamHttp.IsUnconnected(exception))
        {
            return ModelListing.Failed(UpstreamHttp.ErrorOf(exception));
        }
        catch (OperationCanceledException)
        {
            return ModelListing.Failed(new UpstreamError(UpstreamFailure.TimedOut, "The upstream did not answer in time."));
        }
    }

    private static ModelListing Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var list = document.RootElement;
            if (list.ValueKind == JsonValueKind.Object && (list.TryGetProperty("data"u8, out var inside) || list.TryGetProperty("models"u8, out inside)))
            {
                list = inside;
            }

            if (list.ValueKind == JsonValueKind.Array)
            {
                return new ModelListing([.. list.EnumerateArray().Select(Model).OfType<UpstreamModel>()]);
            }
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            // Reported below, like other answers that are not a list. Text that is read and is not UTF-8 is found where it is read.
        }

        return ModelListing.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer is not a list of models."));
    }

    private static UpstreamModel? Model(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (JsonText.Of(item, "id"u8) is { Length: > 0 } id)
        {
            return new UpstreamModel(
                id,
                Modality(item) ?? UpstreamModel.GuessModality(id),
                [],
                JsonText.Of(item, "display_name"u8) ?? JsonText.Of(item, "name"u8),
                Tokens(item, "max_model_len"u8) ?? Tokens(item, "context_length"u8) ?? Tokens(item, "context_window"u8)
                    ?? Tokens(item, "max_input_tokens"u8) ?? Tokens(item, "max_context_length"u8),
                Tokens(item, "max_tokens"u8) ?? Tokens(item, "max_completion_tokens"u8)
                    ?? (item.TryGetObject("top_provider"u8, out var provider) ? Tokens(provider, "max_completion_tokens"u8) : null));
        }

        // Google's form.
        if (JsonText.Of(item, "name"u8) is not { } name || !name.StartsWith("models/", StringComparison.Ordinal) || name.Length == "models/".Length)
        {
            return null;
        }

        // Videos and live conversations are made by methods that no operation of ours calls.
        var methods = item.Items("supportedGenerationMethods"u8, JsonValueKind.String).Select(JsonText.Of).ToHashSet();
        if (methods.Count > 0 && !methods.Overlaps(["generateContent", "embedContent", "predict"]))
        {
            return null;
        }

        id = name["models/".Length..];
        var isEmbedding = methods.Contains("embedContent") && !methods.Contains("generateContent");
        return new UpstreamModel(
            id, isEmbedding ? "embedding" : UpstreamModel.GuessModality(id), [], JsonText.Of(item, "displayName"u8), Tokens(item, "inputTokenLimit"u8), Tokens(item, "outputTokenLimit"u8));
    }

    // As reported by Azure and Mistral; null if it must be guessed from the name.
    private static string? Modality(JsonElement item)
    {
        if (!item.TryGetProperty("capabilities"u8, out var capabilities) || capabilities.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        return Is(capabilities, "chat_completion"u8) || Is(capabilities, "completion_chat"u8) ? "chat"
            : Is(capabilities, "embeddings"u8) ? "embedding"
            : Is(capabilities, "audio_transcription"u8) || Is(capabilities, "audio_speech"u8) ? "audio"
            : null;
    }

    private static bool Is(JsonElement capabilities, ReadOnlySpan<byte> name) =>
        capabilities.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static int? Tokens(JsonElement item, ReadOnlySpan<byte> name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var tokens) && tokens > 0 ? tokens : null;
}
