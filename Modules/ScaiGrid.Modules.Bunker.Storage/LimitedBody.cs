using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>Throws if a body is longer than its capability allows. The server's own limit includes chunk framing and would cut off too early.</summary>
internal sealed class LimitedBody(Stream body, long maxBytes) : ReadOnlyStream
{
    private long _received;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        _received += read;
        return _received <= maxBytes ? read : throw TooLarge(maxBytes);
    }

    public static ApiException TooLarge(long? maxBytes) => new(CoreErrors.PayloadTooLarge, $"The capability allows at most {maxBytes} bytes.");
}
