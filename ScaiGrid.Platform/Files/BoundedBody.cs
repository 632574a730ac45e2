using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Platform.Files;

/// <summary>Passes a body through and counts it; throws if it is longer than allowed, so that the store keeps nothing.</summary>
internal sealed class BoundedBody(Stream body, long maxBytes) : ReadOnlyStream
{
    public long BytesRead { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await body.ReadAsync(buffer, cancellationToken);
        BytesRead += read;
        return BytesRead <= maxBytes ? read : throw new ApiException(CoreErrors.PayloadTooLarge, $"At most {maxBytes} bytes are accepted here.");
    }
}
