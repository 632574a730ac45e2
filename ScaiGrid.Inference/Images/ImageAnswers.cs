using System.Buffers;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Media;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Images;

/// <summary>Writes the answer of an image call: pictures that are to be links are fetched or decoded, kept, and linked.</summary>
internal sealed class ImageAnswers(MediaStore store, MediaLinks links, UpstreamHttp http, TimeProvider time)
{
    private const int MaxPictureBytes = 32 * 1024 * 1024;

    /// <returns>What to answer instead, when a picture cannot be had.</returns>
    public async Task<Problem?> WriteAsync(DocumentAttempt attempt, IBufferWriter<byte> answer, CancellationToken callerGone)
    {
        var isOpenAi = attempt.Call.Protocol == Protocols.OpenAi;
        var document = AnswerDocument.Read(attempt.Document.Memory, "data"u8);
        using var data = JsonDocument.Parse(document.Data);

        // OpenAI's own default depends on the model: whichever the upstream chose is it.
        var wanted = attempt.Request.Text("response_format") ?? (isOpenAi ? null : "url");
        var pictures = new List<Picture>();
        foreach (var item in data.RootElement.EnumerateArray())
        {
            var (picture, problem) = await ConvertAsync(item, wanted, attempt.Call.Origin, callerGone);
            if (picture is null)
            {
                return problem;
            }

            pictures.Add(picture);
        }

        Write(answer, attempt, document.UsageJson, pictures, isOpenAi);
        return null;
    }

    private async Task<(Picture? Picture, Problem? Problem)> ConvertAsync(JsonElement item, string? wanted, string? origin, CancellationToken callerGone)
    {
        var revised = JsonText.Of(item, "revised_prompt"u8);
        var base64 = JsonText.Of(item, "b64_json"u8);
        var asBase64 = wanted is null ? base64 is not null : wanted == "b64_json";
        if (base64 is not null && asBase64)
        {
            return (new Picture(null, base64, revised), null);
        }

        byte[]? bytes;
        if (base64 is not null)
        {
            bytes = Decode(base64);
        }
        else
        {
            bytes = await FetchAsync(JsonText.Of(item, "url"u8), callerGone);
        }

        if (bytes is null || MediaType.Of(bytes) is not { } type)
        {
            return (null, new Problem(InferenceErrors.UpstreamShapeMismatch, "The upstream's picture could not be read."));
        }

        return asBase64
            ? (new Picture(null, Convert.ToBase64String(bytes), revised), null)
            : (new Picture(links.Create(await store.SaveAsync(bytes, type, callerGone), origin), null, revised), null);
    }

    private static byte[]? Decode(string base64)
    {
        var bytes = new byte[(base64.Length / 4 * 3) + 3];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? bytes[..length] : null;
    }

    // An upstream's link goes to a store of its own choice: fetched without credentials, bounded, and through the egress check.
    private async Task<byte[]?> FetchAsync(string? url, CancellationToken callerGone)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            return null;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(callerGone);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            using var response = await http.SendAsync(request, patience.Token);
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
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException && !callerGone.IsCancellationRequested)
        {
            return null;
        }
    }

    private void Write(IBufferWriter<byte> answer, DocumentAttempt attempt, ReadOnlyMemory<byte> usage, List<Picture> pictures, bool isOpenAi)
    {
        using var writer = new Utf8JsonWriter(answer);
        if (isOpenAi)
        {
            writer.WriteStartObject();
        }
        else
        {
            DocumentWriter.BeginData(writer);
            writer.WriteString("model"u8, attempt.Route.Slug);
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
            DocumentWriter.EndData(writer, attempt.Result);
            return;
        }

        if (!usage.IsEmpty)
        {
            writer.WritePropertyName("usage"u8);
            writer.WriteRawValue(usage.Span);
        }

        writer.WriteEndObject();
    }

    private sealed record Picture(string? Url, string? Base64, string? RevisedPrompt);
}
