using System.Net.Http.Headers;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Chat completions of one backend that speaks OpenAI's format. The caller speaks it too, so bytes go through.</summary>
internal sealed class OpenAiChat(
    UpstreamHttp http, Uri endpoint, string model, string? apiKey, IReadOnlyList<KeyValuePair<string, string>> headers) : IChatUpstream
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);
    private readonly string? _authorization = apiKey is null ? null : $"Bearer {apiKey}";

    public async Task<ChatReply> SendAsync(ChatRequest request, ModelRoute route, CallActivity activity)
    {
        HttpResponseMessage? response = null;
        try
        {
            using var body = ChatRequestEditor.Edit(request, route, _modelJson);
            using var message = CreateMessage(body);
            response = await http.SendAsync(message, activity.Token);
            activity.Progress();
            if (!response.IsSuccessStatusCode)
            {
                return ChatReply.Failed(await OpenAiErrors.ReadAsync(response, apiKey, activity.Token));
            }

            var isEventStream = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
            if (isEventStream != request.Stream)
            {
                return ChatReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream answered with the wrong content type."));
            }

            var content = await response.Content.ReadAsStreamAsync(activity.Token);
            if (!request.Stream)
            {
                return await ReadCompletionAsync(content, activity);
            }

            var stream = new OpenAiChatStream(response, content, apiKey, activity);
            response = null;
            return ChatReply.Streaming(stream);
        }
        catch (OperationCanceledException) when (!activity.CallerIsGone)
        {
            return ChatReply.Failed(CallActivity.TimeoutError);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return ChatReply.Failed(new UpstreamError(UpstreamFailure.ConnectionFailed, "The connection to the upstream failed."));
        }
        finally
        {
            response?.Dispose();
        }
    }

    private HttpRequestMessage CreateMessage(PooledBytes body)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new ByteArrayContent(body.Array, 0, body.Length) };
        message.Content.Headers.ContentType = Json;
        if (_authorization is not null)
        {
            message.Headers.TryAddWithoutValidation("Authorization", _authorization);
        }

        foreach (var (name, value) in headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        return message;
    }

    private static async Task<ChatReply> ReadCompletionAsync(Stream content, CallActivity activity)
    {
        var bytes = new PooledBytes(16 * 1024);
        try
        {
            int read;
            while ((read = await content.ReadAsync(bytes.GetMemory(4096), activity.Token)) > 0)
            {
                bytes.Advance(read);
                if (bytes.Length > InferenceOptions.MaxUpstreamBytes)
                {
                    bytes.Dispose();
                    return ChatReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer is too large."));
                }
            }

            return ChatReply.Completed(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }
}
