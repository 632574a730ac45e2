using System.Buffers;
using System.Text.Json;
using ScaiGrid.Inference.Media;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Images;

/// <summary>The answers of image calls: images to be returned as links are fetched or decoded, stored, and linked.</summary>
internal sealed class ImageAnswers(MediaStore store, MediaLinks links, UpstreamHttp http, TimeProvider time)
{
    private const int MaxPictureBytes = 32 * 1024 * 1024;

    private static readonly UpstreamError NoPictures = new(UpstreamFailure.ModelFailed, "The model answered without a picture.");
    private static readonly UpstreamError NoPicture = new(UpstreamFailure.ShapeMismatch, "The upstream's picture could not be read.");

    /// <summary>Gets the images. Runs before the call is charged: an upstream whose images cannot be fetched has not answered.</summary>
    /// <param name="call">The call, with the upstream's answer.</param>
    /// <param name="wanted">The format that the caller asked for, or the model's default; null if there is neither.</param>
    /// <param name="deadline">The attempt's timeouts, which also apply to fetching.</param>
    /// <param name="callerGone">The caller's disconnect. Nothing else cancels storing images, because storing says nothing about the upstream.</param>
    public async Task<(IReadOnlyList<Picture> Pictures, UpstreamError? Error)> TakeAsync(
        DocumentCall call, string? wanted, CallDeadline deadline, CancellationToken callerGone)
    {
        var context = call.Context;
        using var data = JsonDocument.Parse(AnswerDocument.Read(call.Document.Memory, "data"u8).Data);

        // OpenAI's own default depends on the model, so the upstream's choice is kept.
        wanted ??= context.Protocol == Protocols.OpenAi ? null : "url";
        var had = new List<(Picture Picture, MediaType? Type)>();
        foreach (var item in data.RootElement.EnumerateArray().Where(item => !ImageOperation.IsRemoved(item)))
        {
            // Some servers send both fields, one of them empty.
            var isBase64 = item.TryGetString("b64_json"u8, out var base64) && !base64.ValueEquals(""u8);
            var bytes = isBase64 ? Decode(base64) : await FetchAsync(JsonText.Of(item, "url"u8), call.Backend.Clients.Home, deadline);
            var type = MediaType.Of(bytes);
            var asBase64 = wanted is null ? isBase64 : wanted == "b64_json";

            // Base64 for base64 is passed on, whatever type of image it is.
            if (bytes is not { Length: > 0 } || (type is null && !(isBase64 && asBase64)))
            {
                return ([], deadline.Token.IsCancellationRequested ? deadline.LimitError : NoPicture);
            }

            had.Add((new Picture(null, bytes, JsonText.Of(item, "revised_prompt"u8)), asBase64 ? null : type));
        }

        if (had.Count == 0)
        {
            return ([], data.RootElement.GetArrayLength() > 0 ? UpstreamError.ContentRefused : NoPictures);
        }

        // Stored only once all are available: images of a failed answer would never be fetched.
        var pictures = new List<Picture>();
        foreach (var (picture, type) in had)
        {
            pictures.Add(type is null ? picture : picture with { Url = links.Create(await store.SaveAsync(picture.Bytes, type, callerGone), context.Origin) });
        }

        return (pictures, null);
    }

    /// <param name="answer">The buffer for the document.</param>
    /// <param name="call">The completed call.</param>
    /// <param name="pictures">The result of <see cref="TakeAsync"/>.</param>
    public void Write(IBufferWriter<byte> answer, DocumentCall call, IReadOnlyList<Picture> pictures)
    {
        var isOpenAi = call.Context.Protocol == Protocols.OpenAi;
        using var writer = new Utf8JsonWriter(answer);
        if (isOpenAi)
        {
            writer.WriteStartObject();
        }
        else
        {
            DocumentWriter.BeginData(writer);
            writer.WriteString("model"u8, call.Route.Slug);
        }

        using var document = JsonDocument.Parse(call.Document.Memory);
        var given = document.RootElement;
        writer.WriteNumber(
            "created"u8,
            given.TryGetProperty("created"u8, out var created) && created.ValueKind == JsonValueKind.Number && created.TryGetInt64(out var seconds)
                ? seconds
                : time.GetUtcNow().ToUnixTimeSeconds());
        writer.WriteStartArray("data"u8);
        foreach (var picture in pictures)
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

        given.CopyTo(writer, "background"u8);
        given.CopyTo(writer, "output_format"u8);
        given.CopyTo(writer, "quality"u8);
        given.CopyTo(writer, "size"u8);
        var usage = AnswerDocument.Read(call.Document.Memory, "data"u8).UsageJson;
        if (!usage.IsEmpty)
        {
            writer.WritePropertyName("usage"u8);
            writer.WriteRawValue(usage.Span);
        }

        writer.WriteEndObject();
    }

    private static byte[]? Decode(JsonElement base64)
    {
        try
        {
            return base64.TryGetBytesFromBase64(out var bytes) ? bytes : null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair.
            return null;
        }
    }

    // The upstream's link may point to any host: fetched without credentials, with limits, and through the egress check.
    private async Task<byte[]?> FetchAsync(string? url, Uri? home, CallDeadline deadline)
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
}

/// <summary>An image as the caller receives it.</summary>
/// <param name="Url">Our link.</param>
/// <param name="Bytes">The image itself, which the caller receives as base64 if there is no link.</param>
/// <param name="RevisedPrompt">The upstream's revision of the prompt, if it reports one.</param>
internal sealed record Picture(string? Url, byte[] Bytes, string? RevisedPrompt);
