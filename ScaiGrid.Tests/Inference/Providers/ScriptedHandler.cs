using System.Net;
using System.Net.Http.Headers;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Replaces the network: keeps the request, and responds with given bytes in reads of given sizes.</summary>
internal sealed class ScriptedHandler(HttpStatusCode status, string contentType, byte[] answer, IReadOnlyList<(string Name, string Value)> headers) : HttpMessageHandler
{
    /// <summary>The positions in the response at which a read ends. The rest is one read.</summary>
    public IReadOnlyList<int> Boundaries { get; set; } = [];

    public Uri? Uri { get; private set; }

    public string? Body { get; private set; }

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Uri = request.RequestUri;
        Body = await request.Content!.ReadAsStringAsync(cancellationToken);
        foreach (var (name, values) in request.Headers)
        {
            Headers[name] = string.Join(',', values);
        }

        var response = new HttpResponseMessage(status) { Content = new StreamContent(new ChoppedStream(answer, Boundaries)) };
        response.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        foreach (var (name, value) in headers)
        {
            response.Headers.TryAddWithoutValidation(name, value);
        }

        return response;
    }

    /// <summary>A body whose reads end at the given positions.</summary>
    private sealed class ChoppedStream(byte[] bytes, IReadOnlyList<int> boundaries) : Stream
    {
        private int _position;
        private int _next;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            while (_next < boundaries.Count && boundaries[_next] <= _position)
            {
                _next++;
            }

            var end = _next < boundaries.Count ? boundaries[_next] : bytes.Length;
            var count = Math.Min(buffer.Length, end - _position);
            bytes.AsSpan(_position, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
