using System.Net;

namespace ScaiGrid.Tests.Support;

/// <summary>A gRPC call written by hand, for messages that clients do not send.</summary>
public static class RawGrpc
{
    /// <returns>The response, as soon as it begins.</returns>
    public static async Task<HttpResponseMessage> SendAsync(Uri address, string method, HttpContent content, string? key)
    {
        using var client = new HttpClient(new SocketsHttpHandler()) { BaseAddress = address };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType = new("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        request.Headers.Authorization = key is null ? null : new("Bearer", key);
        if (content is StalledMessage)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        }

        request.Headers.Add("grpc-encoding", "gzip");
        return await client.SendAsync(request);
    }

    /// <summary>The status and our code; nulls if they are not in the headers.</summary>
    public static (string? Status, string? Code) Outcome(this HttpResponseMessage response) => (Header(response, "grpc-status"), Header(response, "scaigrid-error-code"));

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}

/// <summary>A message that announces more bytes than it sends: the rest does not come while the call is open.</summary>
public sealed class StalledMessage(int announced, int sent) : HttpContent
{
    private readonly TaskCompletionSource _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when all that is sent has been read, but for the last window of the connection (below 1 MiB).</summary>
    public Task Sent => _sent.Task;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await stream.WriteAsync(new byte[] { 0, (byte)(announced >> 24), (byte)(announced >> 16), (byte)(announced >> 8), (byte)announced }, cancellationToken);
        await stream.WriteAsync(new byte[sent], cancellationToken);
        await stream.FlushAsync(cancellationToken);
        _sent.TrySetResult();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
