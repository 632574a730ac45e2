using System.Collections.Concurrent;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>Rate limits within this process, used while Redis is unavailable. No locks; memory is bounded.</summary>
internal sealed class LocalLimiter(TimeProvider time)
{
    private const int MaxWindows = 50_000;

    private readonly ConcurrentDictionary<RedisKey, LocalWindow> _windows = new();

    /// <param name="part">All windows of the call.</param>
    /// <param name="tokens">A rough estimate of the call's tokens.</param>
    public (bool IsAdmitted, RateLimitState Limits) TryEnter(AdmissionPart part, long tokens)
    {
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var limits = new RateLimitState(0, 0, 0, now);
        for (var i = 0; i < part.Windows.Length; i++)
        {
            var (key, limit) = part.Windows[i];
            var window = Window(key);
            var (requests, used) = window.Add(now, 1, tokens);
            if ((limit.Requests > 0 && requests > limit.Requests) || (limit.Tokens > 0 && used > limit.Tokens && used > tokens))
            {
                // A refused call must not count in any window.
                for (var j = 0; j <= i; j++)
                {
                    Window(part.Windows[j].Key).Add(now, -1, -tokens);
                }

                return (false, new RateLimitState(limit.Requests, 0, window.Oldest(now) + LocalWindow.Seconds, now));
            }

            if (limit.Requests > 0 && (limits.Limit == 0 || limit.Requests - requests < limits.Remaining))
            {
                limits = new RateLimitState(limit.Requests, limit.Requests - requests, window.Oldest(now) + LocalWindow.Seconds, now);
            }
        }

        return (true, limits);
    }

    public void Clear() => _windows.Clear();

    private LocalWindow Window(RedisKey key)
    {
        if (_windows.Count > MaxWindows)
        {
            // Tens of thousands of callers in one outage: their counts so far are dropped.
            _windows.Clear();
        }

        return _windows.GetOrAdd(key, static _ => new LocalWindow());
    }

    /// <summary>A rolling window with one bucket per second, as in the script.</summary>
    private sealed class LocalWindow
    {
        public const int Seconds = 61;

        private readonly Bucket?[] _buckets = new Bucket?[Seconds];

        public (long Requests, long Tokens) Add(long now, long requests, long tokens)
        {
            ref var slot = ref _buckets[now % Seconds];
            var bucket = Volatile.Read(ref slot);
            while (bucket is null || bucket.Second != now)
            {
                var fresh = new Bucket(now);
                var found = Interlocked.CompareExchange(ref slot, fresh, bucket);
                bucket = ReferenceEquals(found, bucket) ? fresh : found;
            }

            Interlocked.Add(ref bucket.Requests, requests);
            Interlocked.Add(ref bucket.Tokens, tokens);
            var (allRequests, allTokens) = (0L, 0L);
            foreach (var live in Live(now))
            {
                allRequests += Volatile.Read(ref live.Requests);
                allTokens += Volatile.Read(ref live.Tokens);
            }

            return (allRequests, allTokens);
        }

        public long Oldest(long now) => Live(now).Where(bucket => Volatile.Read(ref bucket.Requests) > 0).Select(bucket => bucket.Second).DefaultIfEmpty(now).Min();

        private IEnumerable<Bucket> Live(long now) => _buckets.OfType<Bucket>().Where(bucket => bucket.Second > now - Seconds);
    }

    private sealed class Bucket(long second)
    {
        public long Requests;
        public long Tokens;

        public long Second => second;
    }
}
