using System.Collections.Concurrent;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// The callers of whom Redis has lately said that a window of requests is full: it stays so until its oldest calls no longer count. Belongs to the
/// rules of one snapshot, since with other limits the window may have room. Memory is bounded.
/// </summary>
internal sealed class FullWindows
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, Seen> _callers = new();

    /// <param name="caller">Whose call was refused.</param>
    /// <param name="limits">What Redis answered.</param>
    /// <param name="now">Timestamp of the answer.</param>
    public void Add(Caller caller, RateLimitState limits, long now)
    {
        if (_callers.Count >= Most)
        {
            // They are found again at their next call.
            _callers.Clear();
        }

        _callers[NameOf(caller)] = new Seen(limits, now);
    }

    /// <returns>The state of the caller's full window now; null if there may be room.</returns>
    public RateLimitState? Of(Caller caller, TimeProvider time)
    {
        if (!_callers.TryGetValue(NameOf(caller), out var seen))
        {
            return null;
        }

        // Redis told whole seconds, and the one in which it answered may have been nearly over.
        var (limits, passed) = (seen.Limits, (long)time.GetElapsedTime(seen.At).TotalSeconds);
        return passed < limits.Reset - limits.Now - 1 ? limits with { Now = limits.Now + passed } : null;
    }

    // Callers with the same windows: a key, or all sessions of a user.
    private static string NameOf(Caller caller) => caller.ApiKeyId ?? caller.UserId;

    private sealed record Seen(RateLimitState Limits, long At);
}
