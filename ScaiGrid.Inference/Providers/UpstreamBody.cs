using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>Reads whole answers with a success status, which may still be errors.</summary>
internal static class UpstreamBody
{
    private const int Piece = 4096;

    /// <param name="content">The answer's body; read to its end, but at most <see cref="InferenceOptions.MaxUpstreamBytes"/>.</param>
    /// <param name="address">The upstream's address.</param>
    /// <param name="cancellationToken">The call's token.</param>
    /// <exception cref="IOException">The connection broke.</exception>
    public static async Task<DocumentReply> ReadAsync(Stream content, UpstreamAddress address, CancellationToken cancellationToken)
    {
        var bytes = new PooledBytes(4 * Piece);
        var owned = true;
        try
        {
            int read;
            while ((read = await content.ReadAsync(bytes.GetMemory(Piece), cancellationToken)) > 0)
            {
                bytes.Advance(read);
                if (bytes.Length > InferenceOptions.MaxUpstreamBytes)
                {
                    return DocumentReply.Failed(UpstreamError.AnswerTooLarge);
                }
            }

            if (bytes.Span.StartsWith(Encoding.UTF8.Preamble))
            {
                var marked = bytes;
                bytes = new PooledBytes(marked.Length);
                bytes.Append(marked.Span[Encoding.UTF8.Preamble.Length..]);
                marked.Dispose();
            }

            if (UpstreamErrors.In(bytes.Memory, address) is { } error)
            {
                return DocumentReply.Failed(error);
            }

            address.Mask(bytes.Array.AsSpan(0, bytes.Length));
            owned = false;
            return DocumentReply.Completed(bytes);
        }
        finally
        {
            if (owned)
            {
                bytes.Dispose();
            }
        }
    }
}
