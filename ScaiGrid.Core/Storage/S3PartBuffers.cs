using System.Collections.Concurrent;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Storage;

/// <summary>
/// Limits the memory of all uploads of a process. An upload holds one buffer that it fills without depending on other uploads, and some that
/// are being sent: the pool therefore cannot deadlock, and an upload that finds it empty waits for a bounded time. If it has waited for half of
/// that, one upload whose sender is as slow loses its buffer.
/// </summary>
internal sealed class S3PartBuffers(int count, TimeSpan timeout, TimeProvider time) : IDisposable
{
    /// <summary>S3 accepts at most 10,000 parts of at least 5 MiB: with this size, objects of up to 48 GiB.</summary>
    public const int PartBytes = 5 * 1024 * 1024;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _free = new(count);
    private readonly ConcurrentBag<byte[]> _buffers = [];
    private int _starving;

    public async Task<S3Part> RentAsync(CancellationToken cancellationToken)
    {
        if (!await _free.WaitAsync(timeout / 2, cancellationToken))
        {
            await StarveAsync(cancellationToken);
        }

        return new S3Part(this, _buffers.TryTake(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(PartBytes));
    }

    /// <summary>Waits until a buffer is filled.</summary>
    /// <param name="fill">Fills it.</param>
    /// <param name="cancellationToken">Cancels filling.</param>
    /// <exception cref="ApiException">It took longer than half of the time that an upload waits for a buffer, and another one has waited for so long.</exception>
    public async Task<int> FillAsync(Func<CancellationToken, ValueTask<int>> fill, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var startedAt = time.GetTimestamp();
        var filling = fill(stop.Token).AsTask();
        while (!filling.IsCompleted && !cancellationToken.IsCancellationRequested)
        {
            using var looked = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
            await Task.WhenAny(filling, Task.Delay(LookEvery, time, looked.Token));
            await looked.CancelAsync();
            if (!filling.IsCompleted && time.GetElapsedTime(startedAt) > timeout / 2 && TryAnswer())
            {
                // Waited for, so that nothing is read into the buffer any more when it is returned.
                await stop.CancelAsync();
                await ((Task)filling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw TooMany("Too many uploads run at once, and this one arrives slowly; try again.");
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

    // Asks one slow upload to give way.
    private async Task StarveAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _starving);
        try
        {
            if (!await _free.WaitAsync(timeout / 2, cancellationToken))
            {
                throw TooMany("Too many uploads run at once; try again.");
            }
        }
        finally
        {
            TryAnswer();
        }
    }

    // A request is answered by one slow upload, or withdrawn by the upload that made it.
    private bool TryAnswer()
    {
        int starving;
        do
        {
            starving = Volatile.Read(ref _starving);
        }
        while (starving > 0 && Interlocked.CompareExchange(ref _starving, starving - 1, starving) != starving);
        return starving > 0;
    }

    private static ApiException TooMany(string message) => new(new Problem(CoreErrors.Unavailable, message, RetryAfterSeconds: 5));
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
