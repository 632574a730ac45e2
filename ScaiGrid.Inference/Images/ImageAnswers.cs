using System.Buffers;
using System.Text.Json;
using ScaiGrid.Inference.Media;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Images;

/// <summary>The answers of image calls: images to be returned as links are fetched or decoded, stored, and linked.</summary>
internal sealed class ImageAnswers(MediaStore store, MediaLinks links, UpstreamHttp http, TimeProvider time)
{
    private const int MaxPictureBytes = 32 * 1024 * 1024;

    private static readonly string[] Scalars = ["background", "output_format", "quality", "size"];

    private static readonly UpstreamError NoPictures = new(UpstreamFailure.ModelFailed, "The model answered without a picture.");
    private static readonly UpstreamError NoPicture = new(UpstreamFailure.ShapeMismatch, "The upstream's picture could not be read.");

    /// <summary>Gets the images. Runs before the call is charged: an upstream whose images cannot be read or fetched has not answered.</summary>
    /// <param name="call">The call, with the upstream's answer.</param>
    /// <param name="wanted">The format that the caller asked for, or the model's default; null if there is neither.</param>
    /// <param name="deadline">The attempt's timeouts, which also apply to fetching.</param>
    /// <param name="callerGone">The caller's disconnect. Nothing else cancels storing images, because storing says nothing about the upstream.</param>
    public async Task<(ImageAnswer? Answer, UpstreamError? Error)> TakeAsync(
        DocumentCall call, string? wanted, CallDeadline deadline, CancellationToken callerGone)
    {
        var context = call.Context;
        if (Read(call.Document.Memory) is not { } given)
        {
            return (null, NoPicture);
        }

        // OpenAI's own default depends on the model, so the upstream's choice is kept.
        wanted ??= context.Protocol == Protocols.OpenAi ? null : "url";
        var had = new List<(Picture Picture, MediaType? Type)>();
        var together = 0L;
        foreach (var item in given.Items)
        {
            var bytes = item.IsBase64 ? item.Bytes : await FetchAsync(item.Url, call.Backend.Clients.Home, deadline);
            var type = MediaType.Of(bytes);
            var asBase64 = wanted is null ? item.IsBase64 : wanted == "b64_json";

            // Base64 for base64 is passed on, whatever type of image it is.
            if (bytes is not { Length: > 0 } || (type is null && !(item.IsBase64 && asBase64)))
            {
                return (null, deadline.Token.IsCancellationRequested ? deadline.LimitError : NoPicture);
            }

            // All are held until the last has been fetched.
            if ((together += bytes.Length) > InferenceOptions.MaxUpstreamBytes)
            {
                return (null, UpstreamError.AnswersTooLarge);
            }

            had.Add((new Picture(null, bytes, item.RevisedPrompt), asBase64 ? null : type));
        }

        if (had.Count == 0)
        {
            return (null, given.HasRemoved ? UpstreamError.ContentRefused : NoPictures);
        }

        // Stored only once all are available: images of a failed answer would never be fetched.
        var pictures = new List<Picture>();
        foreach (var (picture, type) in had)
        {
            pictures.Add(type is null ? picture : picture with { Url = links.Create(await store.SaveAsync(picture.Bytes, type, callerGone), context.Origin) });
        }

        return (new ImageAnswer(pictures, given.Created, given.Others), null);
    }

    /// <param name="output">The buffer for the document.</param>
    /// <param name="call">The completed call.</param>
    /// <param name="answer">The result of <see cref="TakeAsync"/>.</param>
    public void Write(IBufferWriter<byte> output, DocumentCall call, ImageAnswer answer)
    {
        var isOpenAi = call.Context.Protocol == Protocols.OpenAi;
        using var writer = new Utf8JsonWriter(output);
        if (isOpenAi)
        {
            writer.WriteStartObject();
        }
        else
        {
            DocumentWriter.BeginData(writer);
            writer.WriteString("model"u8, call.Route.Slug);
        }

        writer.WriteNumber("created"u8, answer.Created ?? time.GetUtcNow().ToUnixTimeSeconds());
        writer.WriteStartArray("data"u8);
        foreach (var picture in answer.Pictures)
        {
            writer.WriteStartObject();
            if (picture.Url is null)
            {
                writer.WriteBase64String("b64_json"u8, picture.Bytes);
            }
            else
            {
                writer.WriteString("url"u8, picture.Url);
            }

            if (picture.RevisedPrompt is not null)
            {
                writer.WriteString("revised_prompt"u8, picture.RevisedPrompt);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (!isOpenAi)
        {
            DocumentWriter.EndData(writer, call.Result);
            return;
        }

        foreach (var (name, value) in answer.Others)
        {
            writer.WritePropertyName(name);
            writer.WriteRawValue(value.Raw(), skipInputValidation: true);
        }

        writer.WriteEndObject();
    }

    // Once, and before the charge: what cannot be read afterwards would be paid for and not answered.
    private static GivenImages? Read(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var given = document.RootElement;
            var data = given.GetProperty("data"u8);
            var items = new List<GivenImage>();
            foreach (var item in data.EnumerateArray().Where(item => !ImageOperation.IsRemoved(item)))
            {
                // Some servers send both fields, one of them empty.
                var isBase64 = item.TryGetString("b64_json"u8, out var base64) && !base64.ValueEquals(""u8);
                items.Add(new GivenImage(
                    isBase64,
                    isBase64 && base64.TryGetBytesFromBase64(out var bytes) ? bytes : null,
                    JsonText.Of(item, "url"u8),
                    JsonText.Of(item, "revised_prompt"u8)));
            }

            var others = new List<(string Name, JsonElement Value)>();
            foreach (var name in Scalars)
            {
                if (given.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String or JsonValueKind.Number)
                {
                    others.Add((name, value.Clone()));
                }
            }

            if (given.TryGetObject("usage"u8, out var usage))
            {
                others.Add(("usage", usage.Clone()));
            }

            var hasCreated = given.TryGetProperty("created"u8, out var created) && created.ValueKind == JsonValueKind.Number;
            return new GivenImages(
                items, data.GetArrayLength() > items.Count, hasCreated && created.TryGetInt64(out var seconds) ? seconds : null, others);
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            return null;
        }
    }

    // The upstream's link may point to any host: fetched without credentials, with limits, and through the egress check.
    private async Task<byte[]?> FetchAsync(string? url, UpstreamHome? home, CallDeadline deadline)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            return null;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            using var response = await http.FetchAsync(address, home, patience.Token);
            if (!response.IsSuccessStatusCode || response.Content.Headers.ContentLength > MaxPictureBytes)
            {
                return null;
            }

            using var bytes = new PooledBytes(64 * 1024);
            var content = await response.Content.ReadAsStreamAsync(patience.Token);
            int read;
            while (bytes.Length <= MaxPictureBytes && (read = await content.ReadAsync(bytes.GetMemory(16 * 1024), patience.Token)) > 0)
            {
                bytes.Advance(read);
            }

            return bytes.Length > MaxPictureBytes ? null : bytes.Span.ToArray();
        }
        catch (Exception exception) when (!deadline.CallerIsGone && exception is (HttpRequestException or IOException or OperationCanceledException))
        {
            return null;
        }
    }

    private readonly record struct GivenImage(bool IsBase64, byte[]? Bytes, string? Url, string? RevisedPrompt);

    private sealed record GivenImages(
        IReadOnlyList<GivenImage> Items, bool HasRemoved, long? Created, IReadOnlyList<(string Name, JsonElement Value)> Others);
}

/// <summary>What an image call is answered with.</summary>
/// <param name="Pictures">The images.</param>
/// <param name="Created">When the upstream says it made them, in seconds since 1970; null if it does not say.</param>
/// <param name="Others">What else the upstream told, for OpenAI's surface.</param>
internal sealed record ImageAnswer(IReadOnlyList<Picture> Pictures, long? Created, IReadOnlyList<(string Name, JsonElement Value)> Others);

/// <summary>An image as the caller receives it.</summary>
/// <param name="Url">Our link.</param>
/// <param name="Bytes">The image itself, which the caller receives as base64 if there is no link.</param>
/// <param name="RevisedPrompt">The upstream's revision of the prompt, if it reports one.</param>
internal sealed record Picture(string? Url, byte[] Bytes, string? RevisedPrompt);
