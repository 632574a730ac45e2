using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Holds back the response of a control-plane write until it is recorded. Such responses are small. An exception that passes through is
/// rendered by the middleware that catches it, into the original body.
/// </summary>
internal sealed class BufferedAnswer : IAsyncDisposable
{
    private readonly HttpContext _context;
    private readonly IHttpResponseBodyFeature _body;
    private readonly MemoryStream _buffer = new();

    private BufferedAnswer(HttpContext context)
    {
        (_context, _body) = (context, context.Features.GetRequiredFeature<IHttpResponseBodyFeature>());

        // Not connected to the original feature: starting the response must not send its headers.
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_buffer));
        context.Features.Set(this);
    }

    public static BufferedAnswer Begin(HttpContext context) => new(context);

    /// <summary>The response body so far.</summary>
    public async Task<string> ReadAsync()
    {
        await _context.Response.BodyWriter.FlushAsync();
        return Encoding.UTF8.GetString(_buffer.GetBuffer(), 0, (int)_buffer.Length);
    }

    public async Task EndAsync()
    {
        await _context.Response.BodyWriter.FlushAsync();
        _context.Features.Set(_body);
    }

    public async Task SendAsync(CancellationToken cancellationToken)
    {
        if (_buffer.Length > 0)
        {
            _context.Response.ContentLength = _buffer.Length;
            await _body.Stream.WriteAsync(_buffer.GetBuffer().AsMemory(0, (int)_buffer.Length), cancellationToken);
        }
    }

    public ValueTask DisposeAsync() => _buffer.DisposeAsync();
}
