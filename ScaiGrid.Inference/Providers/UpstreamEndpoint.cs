using System.Net.Http.Headers;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>One endpoint of a backend, for operations other than chat. Failures come back as values.</summary>
/// <param name="http">The connections.</param>
/// <param name="address">Where the backend is.</param>
/// <param name="endpoint">The operation's own URL.</param>
internal sealed class UpstreamEndpoint(UpstreamHttp http, UpstreamAddress address, Uri endpoint)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>Posts a JSON document and reads the whole answer, another one.</summary>
    public async Task<DocumentReply> PostJsonAsync(PooledBytes body, CallActivity activity)
    {
        using var content = new ByteArrayContent(body.Array, 0, body.Length);
        content.Headers.ContentType = Json;
        return await PostAsync(content, activity);
    }

    /// <summary>Posts any content and reads the whole answer.</summary>
    public async Task<DocumentReply> PostAsync(HttpContent content, CallActivity activity)
    {
        try
        {
            var (response, error) = await OpenAsync(content, activity);
            using (response)
            {
                return error is null
                    ? await UpstreamBody.ReadAsync(await response!.Content.ReadAsStreamAsync(activity.Token), address, activity.Token)
                    : DocumentReply.Failed(error);
            }
        }
        catch (Exception exception) when (Failure(exception, activity) is { } failure)
        {
            return DocumentReply.Failed(failure);
        }
    }

    /// <summary>Posts and returns when the answer begins: exactly one of the two is set.</summary>
    public async Task<(HttpResponseMessage? Response, UpstreamError? Error)> OpenAsync(HttpContent content, CallActivity activity)
    {
        HttpResponseMessage? response = null;
        try
        {
            using var message = address.Request(HttpMethod.Post, endpoint);
            message.Content = content;
            response = await http.SendAsync(message, activity.Token);
            activity.Progress();
            if (!response.IsSuccessStatusCode)
            {
                return (null, await UpstreamErrors.ReadAsync(response, address, activity.Token));
            }

            var opened = response;
            response = null;
            return (opened, null);
        }
        catch (Exception exception) when (Failure(exception, activity) is { } failure)
        {
            return (null, failure);
        }
        finally
        {
            response?.Dispose();
        }
    }

    /// <summary>What an exception of a call means; null when it is a bug, or the caller has gone.</summary>
    public static UpstreamError? Failure(Exception exception, CallActivity activity) => exception switch
    {
        OperationCanceledException when !activity.CallerIsGone => activity.BoundError,
        HttpRequestException or IOException when !activity.CallerIsGone => UpstreamHttp.ErrorOf(exception),
        _ => null,
    };

    /// <summary>What to say of an answer that is not of the kind that was asked for: the error that it holds, or that.</summary>
    public async Task<UpstreamError> MismatchAsync(HttpResponseMessage response, string message, CallActivity activity)
    {
        try
        {
            return await UpstreamErrors.InAsync(response, address, activity.Token) ?? new UpstreamError(UpstreamFailure.ShapeMismatch, message);
        }
        catch (OperationCanceledException exception) when (Failure(exception, activity) is { } failure)
        {
            return failure;
        }
    }
}
