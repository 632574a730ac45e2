using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Holds the answer of a control-plane write back until it is recorded. Such answers are small. An error that flies through is
/// rendered by whoever catches it, on the body that was there before.
/// </summary>
internal sealed class BufferedAnswer : IAsyncDisposable
{
    private readonly HttpContext _context;
    private readonly IHttpResponseBodyFeature _body;
    private readonly MemoryStream _buffer = new();

    private BufferedAnswer(HttpContext context)
    {
        (_context, _body) = (context, context.Features.GetRequiredFeature<IHttpResponseBodyFeature>());

        // Without a feature behind it: starting the response must not send its headers.
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(_buffer));
        context.Features.Set(this);
    }

    public static BufferedAnswer Begin(HttpContext context) => new(context);

    /// <summary>What has been answered so far.</summary>
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
