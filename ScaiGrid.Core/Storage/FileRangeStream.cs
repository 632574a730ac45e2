using Microsoft.Win32.SafeHandles;

namespace ScaiGrid.Core.Storage;

/// <summary>Reads a part of an open file and closes it when disposed.</summary>
internal sealed class FileRangeStream(SafeFileHandle file, long offset, long length) : ReadOnlyStream
{
    private long _offset = offset;
    private long _left = length;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await RandomAccess.ReadAsync(file, buffer[..(int)Math.Min(buffer.Length, _left)], _offset, cancellationToken);
        _offset += read;
        _left -= read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }
}
