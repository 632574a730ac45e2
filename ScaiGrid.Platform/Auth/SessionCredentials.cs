using System.Collections.Concurrent;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The credentials of sessions that call this replica. The end of a session, or of its user, cancels its running calls. A session without a call
/// for longer than the longest call is forgotten.
/// </summary>
internal sealed class SessionCredentials(InferenceOptions options, TimeProvider time)
{
    // Added to the longest call, for the time before and after the upstream.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<string, Entry> _live = new(StringComparer.Ordinal);

    /// <param name="sessionId">The session of the call.</param>
    /// <param name="user">The credential of the session's user, which is a new one after a suspension.</param>
    public Credential Use(string sessionId, Credential? user)
    {
        while (true)
        {
            var now = time.GetTimestamp();
            var known = _live.GetValueOrDefault(sessionId);
            if (known is not null && known.User == user && known.TryUse(now))
            {
                return known.Credential;
            }

            var entry = new Entry(sessionId, user, now);
            if (known is null ? _live.TryAdd(sessionId, entry) : _live.TryUpdate(sessionId, entry, known))
            {
                known?.Untie();
                entry.Tie();
                return entry.Credential;
            }
        }
    }

    /// <summary>Cancels the running calls of an ended session.</summary>
    public void End(string sessionId)
    {
        if (_live.TryGetValue(sessionId, out var entry))
        {
            // Not awaited: the calls end on other threads.
            _ = entry.Credential.RevokeAsync();
        }
    }

    public void Forget()
    {
        foreach (var (id, entry) in _live)
        {
            if (time.GetElapsedTime(entry.UsedAt) > options.LongestCall + Margin && entry.TryForget())
            {
                _live.TryRemove(KeyValuePair.Create(id, entry));
                entry.Untie();
            }
        }
    }

    private sealed class Entry(string sessionId, Credential? user, long now)
    {
        private const long Forgotten = long.MinValue;

        private long _usedAt = now;
        private CancellationTokenRegistration _tie;

        public Credential Credential { get; } = new(sessionId);

        public Credential? User { get; } = user;

        public long UsedAt => Volatile.Read(ref _usedAt);

        /// <returns>False if it was forgotten: nothing would cancel it any more.</returns>
        public bool TryUse(long now)
        {
            var last = UsedAt;
            return last != Forgotten && (last >= now || Interlocked.CompareExchange(ref _usedAt, now, last) != Forgotten);
        }

        public bool TryForget() => UsedAt is var last && last != Forgotten && Interlocked.CompareExchange(ref _usedAt, Forgotten, last) == last;

        public void Tie() => _tie = User?.Revoked.UnsafeRegister(static credential => _ = ((Credential)credential!).RevokeAsync(), Credential) ?? default;

        public void Untie() => _tie.Unregister();
    }
}
