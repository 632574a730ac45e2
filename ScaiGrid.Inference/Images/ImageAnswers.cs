using System.Buffers;
using System.Buffers.Text;
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

    private static readonly UpstreamError NoPicture = new(UpstreamFailure.ShapeMismatch, "The upstream's picture could not be read.");

    /// <summary>Gets the images. Runs before the call is charged: an upstream whose images cannot be fetched has not answered.</summary>
    /// <param name="call">The call, with the upstream's answer.</param>
    /// <param name="wanted">The format that the caller asked for; null if none.</param>
    /// <param name="deadline">The attempt's timeouts, which also apply to fetching.</param>
    /// <param name="callerGone">The caller's disconnect. Nothing else cancels storing images, because storing says nothing about the upstream.</param>
    public async Task<(IReadOnlyList<Picture> Pictures, UpstreamError? Error)> TakeAsync(
        DocumentCall call, string? wanted, CallDeadline deadline, CancellationToken callerGone)
    {
        var context = call.Context;
        using var data = JsonDocument.Parse(AnswerDocument.Read(call.Document.Memory, "data"u8).Data);

        // OpenAI's own default depends on the model, so the upstream's choice is kept.
        wanted ??= context.Protocol == Protocols.OpenAi ? null : "url";
        var had = new List<(Picture Picture, byte[]? Bytes, MediaType? Type)>();
        foreach (var item in data.RootElement.EnumerateArray())
        {
            var revised = JsonText.Of(item, "revised_prompt"u8);
            var base64 = JsonText.Of(item, "b64_json"u8);
            var asBase64 = wanted is null ? base64 is not null : wanted == "b64_json";
            if (base64 is not null && asBase64)
            {
                if (!Base64.IsValid(base64, out var length) || length == 0)
                {
                    return ([], NoPicture);
                }

                had.Add((new Picture(null, base64, revised), null, null));
                continue;
            }

            var bytes = base64 is not null ? Decode(base64) : await FetchAsync(JsonText.Of(item, "url"u8), call.Backend.Clients.Home, deadline);
            if (bytes is null || MediaType.Of(bytes) is not { } type)
            {
                return ([], deadline.Token.IsCancellationRequested ? deadline.LimitError : NoPicture);
            }

            had.Add(asBase64 ? (new Picture(null, Convert.ToBase64String(bytes), revised), null, null) : (new Picture(null, null, revised), bytes, type));
        }

        // Stored only once all are available: images of a failed answer would never be fetched.
        var pictures = new List<Picture>();
        foreach (var (picture, bytes, type) in had)
        {
            pictures.Add(bytes is null ? picture : picture with { Url = links.Create(await store.SaveAsync(bytes, type!, callerGone), context.Origin) });
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

        writer.WriteNumber("created"u8, time.GetUtcNow().ToUnixTimeSeconds());
        writer.WriteStartArray("data"u8);
        foreach (var picture in pictures)
        {
            writer.WriteStartObject();
            writer.WriteString(picture.Url is null ? "b64_json"u8 : "url"u8, picture.Url ?? picture.Base64);
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

        var usage = AnswerDocument.Read(call.Document.Memory, "data"u8).UsageJson;
        if (!usage.IsEmpty)
        {
            writer.WritePropertyName("usage"u8);
            writer.WriteRawValue(usage.Span);
        }

        writer.WriteEndObject();
    }

    private static byte[]? Decode(string base64)
    {
        var bytes = new byte[(base64.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? bytes[..length] : null;
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
/// <param name="Base64">The image itself, if there is no link.</param>
/// <param name="RevisedPrompt">The upstream's revision of the prompt, if it reports one.</param>
internal sealed record Picture(string? Url, string? Base64, string? RevisedPrompt);
