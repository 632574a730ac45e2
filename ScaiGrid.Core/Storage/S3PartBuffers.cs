using System.Collections.Concurrent;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// Limits the memory of all uploads of a process. An upload holds one buffer that it fills without depending on other uploads, and some that
/// are being sent: the pool therefore cannot deadlock, and an upload that finds it empty waits for a bounded time. An upload whose sender is too
/// slow loses its buffer to one that waits.
/// </summary>
internal sealed class S3PartBuffers(int count, TimeSpan timeout, TimeProvider time) : IDisposable
{
    /// <summary>S3 accepts at most 10,000 parts of at least 5 MiB: with this size, objects of up to 48 GiB.</summary>
    public const int PartBytes = 5 * 1024 * 1024;

    private readonly SemaphoreSlim _free = new(count);
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentBag<byte[]> _buffers = [];
    private int _waiting;

    public async Task<S3Part> RentAsync(CancellationToken cancellationToken)
    {
        if (!await _free.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            await WaitAsync(cancellationToken);
        }

        return new S3Part(this, _buffers.TryTake(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(PartBytes));
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            if (!await _free.WaitAsync(timeout, cancellationToken))
            {
                throw new ApiException(new Problem(CoreErrors.Unavailable, "Too many uploads run at once; try again.", RetryAfterSeconds: 5));
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Waits until a buffer is filled.</summary>
    /// <param name="fill">Fills it.</param>
    /// <param name="cancellationToken">Cancels filling.</param>
    /// <exception cref="ApiException">It took half of the time for which another upload waits for a buffer, and one does wait.</exception>
    public async Task<int> FillAsync(Func<CancellationToken, ValueTask<int>> fill, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var startedAt = time.GetTimestamp();
        var filling = fill(stop.Token).AsTask();
        while (!filling.IsCompleted)
        {
            using var looked = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
            await Task.WhenAny(filling, Task.Delay(LookEvery, time, looked.Token));
            await looked.CancelAsync();
            if (!filling.IsCompleted && time.GetElapsedTime(startedAt) > timeout / 2 && Volatile.Read(ref _waiting) > 0)
            {
                // Waited for, so that nothing is read into the buffer any more when it is returned.
                await stop.CancelAsync();
                await ((Task)filling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw new ApiException(CoreErrors.RequestTimeout);
            }
        }

        return await filling;
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

    /// <param name="begin">The first bytes of the part; none if the body has ended.</param>
    /// <param name="body">The rest of the body.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    public async Task FillAsync(ReadOnlyMemory<byte> begin, Stream body, CancellationToken cancellationToken)
    {
        begin.CopyTo(_buffer);
        Length = begin.Length == 0 ? 0 : begin.Length + await owner.FillAsync(
            token => body.ReadAtLeastAsync(_buffer.AsMemory(begin.Length), S3PartBuffers.PartBytes - begin.Length, throwOnEndOfStream: false, token), cancellationToken);
    }

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
