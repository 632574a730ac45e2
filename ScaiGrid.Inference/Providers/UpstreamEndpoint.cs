using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>One endpoint of a backend, for operations other than chat. Failures are returned as values.</summary>
/// <param name="http">Sends the requests.</param>
/// <param name="address">The backend's address.</param>
/// <param name="endpoint">The operation's URL.</param>
internal sealed class UpstreamEndpoint(UpstreamHttp http, UpstreamAddress address, Uri endpoint)
{
    /// <summary>Posts a JSON document and reads the whole JSON answer.</summary>
    public async Task<DocumentReply> PostJsonAsync(PooledBytes body, CallDeadline deadline)
    {
        using var content = UpstreamAddress.JsonContent(body);
        return await PostAsync(content, deadline);
    }

    /// <summary>Posts any content and reads the whole answer.</summary>
    public async Task<DocumentReply> PostAsync(HttpContent content, CallDeadline deadline)
    {
        try
        {
            var (response, error) = await OpenAsync(content, deadline);
            using (response)
            {
                return error is null
                    ? await UpstreamBody.ReadAsync(await response!.Content.ReadAsStreamAsync(deadline.Token), address, deadline.Token)
                    : DocumentReply.Failed(error);
            }
        }
        catch (Exception exception) when (Failure(exception, deadline) is { } failure)
        {
            return DocumentReply.Failed(failure);
        }
    }

    /// <summary>Posts, and returns when the answer begins: exactly one of the two values is set.</summary>
    public async Task<(HttpResponseMessage? Response, UpstreamError? Error)> OpenAsync(HttpContent content, CallDeadline deadline)
    {
        HttpResponseMessage? response = null;
        try
        {
            using var message = address.Request(HttpMethod.Post, endpoint);
            message.Content = content;
            response = await http.SendAsync(message, address.Authority, deadline.Token);
            deadline.Progress();
            if (!response.IsSuccessStatusCode)
            {
                return (null, await UpstreamErrors.ReadAsync(response, address, http.Time, deadline.Token));
            }

            if (UpstreamErrors.OfEncoding(response) is { } encoded)
            {
                return (null, encoded);
            }

            var opened = response;
            response = null;
            return (opened, null);
        }
        catch (Exception exception) when (Failure(exception, deadline) is { } failure)
        {
            return (null, failure);
        }
        finally
        {
            response?.Dispose();
        }
    }

    /// <summary>The error for an exception of a call; null if it is a bug, or if the caller has disconnected.</summary>
    public static UpstreamError? Failure(Exception exception, CallDeadline deadline) => exception switch
    {
        OperationCanceledException when !deadline.CallerIsGone && !UpstreamHttp.IsUnconnected(exception) => deadline.LimitError,
        OperationCanceledException or HttpRequestException or IOException when !deadline.CallerIsGone => UpstreamHttp.ErrorOf(exception),
        _ => null,
    };

    /// <summary>The error for an answer of an unexpected kind: the error that it contains, or else the given message.</summary>
    public async Task<UpstreamError> MismatchAsync(HttpResponseMessage response, string message, CallDeadline deadline)
    {
        try
        {
            return await UpstreamErrors.InAsync(response, address, deadline.Token) ?? new UpstreamError(UpstreamFailure.ShapeMismatch, message);
        }
        catch (OperationCanceledException exception) when (Failure(exception, deadline) is { } failure)
        {
            return failure;
        }
    }
}
