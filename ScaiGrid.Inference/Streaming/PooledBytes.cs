using System.Buffers;

namespace ScaiGrid.Inference.Streaming;

/// <summary>A growing byte buffer on the shared array pool. Its owner disposes it exactly once.</summary>
/// <remarks>Arrays above 4 MiB are left to the garbage collector: the pool would keep the peak number of them, and bodies with images are rare.</remarks>
public sealed class PooledBytes(int capacity = 4096) : IBufferWriter<byte>, IDisposable
{
    private const int LargestPooled = 4 * 1024 * 1024;

    private byte[] _array = Rent(capacity);

    public int Length { get; private set; }

    /// <summary>Disposed together with the buffer: what counts its memory.</summary>
    internal IDisposable? Lease { get; set; }

    public ReadOnlyMemory<byte> Memory => _array.AsMemory(0, Length);

    public ReadOnlySpan<byte> Span => _array.AsSpan(0, Length);

    /// <summary>The rented array behind <see cref="Memory"/>, for APIs that take an array.</summary>
    public byte[] Array => _array;

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsSpan(Length);
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(_array.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        if (_array.Length > 0)
        {
            Return(_array);
            (_array, Length) = ([], 0);
            Lease?.Dispose();
        }
    }

    private void Reserve(int count)
    {
        if (_array.Length - Length >= count)
        {
            return;
        }

        var larger = Rent(Math.Max(_array.Length * 2, checked(Length + count)));
        Span.CopyTo(larger);
        Return(_array);
        _array = larger;
    }

    private static byte[] Rent(int length) => length <= LargestPooled ? ArrayPool<byte>.Shared.Rent(length) : GC.AllocateUninitializedArray<byte>(length);

    private static void Return(byte[] array)
    {
        if (array.Length <= LargestPooled)
        {
            ArrayPool<byte>.Shared.Return(array);
        }
    }
}
