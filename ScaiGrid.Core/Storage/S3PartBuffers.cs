using System.Collections.Concurrent;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// Limits the memory of all uploads of a process. An upload holds one buffer that it fills without depending on other uploads, and some that
/// are being sent: the pool therefore cannot deadlock, and an upload that finds it empty waits for a bounded time.
/// </summary>
internal sealed class S3PartBuffers(int count, TimeSpan timeout) : IDisposable
{
    /// <summary>S3 accepts at most 10,000 parts of at least 5 MiB: with this size, objects of up to 48 GiB.</summary>
    public const int PartBytes = 5 * 1024 * 1024;

    private readonly SemaphoreSlim _free = new(count);
    private readonly ConcurrentBag<byte[]> _buffers = [];

    public async Task<S3Part> RentAsync(CancellationToken cancellationToken)
    {
        if (!await _free.WaitAsync(timeout, cancellationToken))
        {
            throw new ApiException(new Problem(CoreErrors.Unavailable, "Too many uploads run at once; try again.", RetryAfterSeconds: 5));
        }

        return new S3Part(this, _buffers.TryTake(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(PartBytes));
    }

    public void Return(byte[] buffer)
    {
        _buffers.Add(buffer);
        _free.Release();
    }

    public void Dispose() => _free.Dispose();
}

/// <summary>A rented buffer and the bytes read into it.</summary>
internal sealed class S3Part(S3PartBuffers owner, byte[] buffer) : IDisposable
{
    private byte[]? _buffer = buffer;

    public int Length { get; private set; }

    /// <summary>Whether the body ended in this part.</summary>
    public bool IsLast => Length < S3PartBuffers.PartBytes;

    public async Task FillAsync(Stream body, CancellationToken cancellationToken) =>
        Length = await body.ReadAtLeastAsync(_buffer, S3PartBuffers.PartBytes, throwOnEndOfStream: false, cancellationToken);

    /// <summary>A seekable stream: on plain HTTP the signature includes the body's hash, so the body is read twice.</summary>
    public MemoryStream AsStream() => new(_buffer!, 0, Length, writable: false);

    public void Dispose()
    {
        // Returned once only: otherwise two uploads would get the same buffer.
        if (Interlocked.Exchange(ref _buffer, null) is { } returned)
        {
            owner.Return(returned);
        }
    }
}
