namespace ScaiGrid.Inference.Health;

/// <summary>Calls and failures of the last 30 seconds, in buckets of two: written without a lock or an allocation, old ones overwritten.</summary>
internal sealed class OutcomeWindow(TimeProvider time)
{
    private const int Buckets = 15;
    private const int BucketSeconds = 2;
    private const int Most = ushort.MaxValue;

    // Each bucket is one number, so that it is replaced atomically: its time (32 bits), calls (16) and failures (16).
    private readonly long[] _buckets = new long[Buckets];
    private readonly long _start = time.GetTimestamp();

    public void Add(bool isFailure)
    {
        var now = Now();
        ref var bucket = ref _buckets[now % Buckets];
        long seen;
        long next;
        do
        {
            seen = Volatile.Read(ref bucket);
            var (calls, failures) = TimeOf(seen) == now ? (CallsOf(seen), FailuresOf(seen)) : (0, 0);
            next = Pack(now, Math.Min(calls + 1, Most), Math.Min(failures + (isFailure ? 1 : 0), Most));
        }
        while (Interlocked.CompareExchange(ref bucket, next, seen) != seen);
    }

    public (int Calls, int Failures) Count()
    {
        var now = Now();
        var (calls, failures) = (0, 0);
        foreach (ref var bucket in _buckets.AsSpan())
        {
            var value = Volatile.Read(ref bucket);
            if (TimeOf(value) > now - Buckets)
            {
                calls += CallsOf(value);
                failures += FailuresOf(value);
            }
        }

        return (calls, failures);
    }

    public void Clear()
    {
        foreach (ref var bucket in _buckets.AsSpan())
        {
            Volatile.Write(ref bucket, 0);
        }
    }

    // Starts at one full lap, so that the time 0 of an empty bucket is always out of the window.
    private uint Now() => (uint)(time.GetElapsedTime(_start).TotalSeconds / BucketSeconds) + Buckets;

    private static long Pack(uint at, int calls, int failures) => ((long)at << 32) | ((long)calls << 16) | (uint)failures;

    private static uint TimeOf(long bucket) => (uint)(bucket >> 32);

    private static int CallsOf(long bucket) => (int)(bucket >> 16) & Most;

    private static int FailuresOf(long bucket) => (int)bucket & Most;
}
