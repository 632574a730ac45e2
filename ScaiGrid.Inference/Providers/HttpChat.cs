using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>Chat with one backend over HTTP, in any format.</summary>
/// <param name="http">Sends the requests.</param>
/// <param name="address">The backend's address.</param>
/// <param name="format">Translates requests and answers.</param>
/// <param name="whole">The endpoint for whole answers.</param>
/// <param name="streamed">The endpoint for streams.</param>
internal sealed class HttpChat(UpstreamHttp http, UpstreamAddress address, ChatFormat format, Uri whole, Uri streamed) : IChatUpstream
{
    public async Task<ChatReply> SendAsync(ChatRequest request, ModelRoute route, CallDeadline deadline)
    {
        HttpResponseMessage? response = null;
        try
        {
            using var body = format.WriteRequest(request, route, out var refused);
            if (body is null)
            {
                return ChatReply.Failed(Named(refused!, route));
            }

            using var message = address.Post(request.Stream ? streamed : whole, body);
            format.AddHeaders(message.Headers, body);
            response = await http.SendAsync(message, address.Authority, deadline.Token);
            if (!response.IsSuccessStatusCode)
            {
                var error = await UpstreamErrors.ReadAsync(response, address, http.Time, deadline.Token);
                if (format.Without(error) is { } lesser)
                {
                    return await new HttpChat(http, address, lesser, whole, streamed).SendAsync(request, route, deadline);
                }

                return ChatReply.Failed(Named(error.Field is { } field ? error with { Field = format.FieldOf(field) } : error, route));
            }

            if (UpstreamErrors.OfEncoding(response) is { } encoded)
            {
                return ChatReply.Failed(encoded);
            }

            var isEventStream = response.Content.Headers.ContentType?.MediaType == "text/event-stream";
            if (isEventStream != request.Stream)
            {
                return ChatReply.Failed(await UpstreamErrors.InAsync(response, address, deadline.Token)
                    ?? new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream answered with the wrong content type."));
            }

            // Nothing is read yet.
            var content = response.Content.ReadAsStream(deadline.Token);
            if (!request.Stream)
            {
                var read = await UpstreamBody.ReadAsync(content, address, deadline.Token);
                return read.Document is { } answer ? Read(answer) : ChatReply.Failed(read.Error!);
            }

            var stream = new HttpChatStream(response, content, address, format.TranslateStream(address), deadline);
            response = null;
            return ChatReply.Streaming(stream);
        }
        catch (Exception exception) when (UpstreamEndpoint.Failure(exception, deadline) is { } failure)
        {
            return ChatReply.Failed(failure);
        }
        finally
        {
            response?.Dispose();
        }
    }

    private static UpstreamError Named(UpstreamError error, ModelRoute route) =>
        error.Field is { } field ? error with { Field = ChatRequestEditor.FieldOf(field, route) } : error;

    private ChatReply Read(PooledBytes answer)
    {
        try
        {
            return format.ReadCompletion(answer, address, out var failed) is { } completion ? ChatReply.Completed(completion) : ChatReply.Failed(failed!);
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            return ChatReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch));
        }
    }
}
