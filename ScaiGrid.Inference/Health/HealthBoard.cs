using System.Collections.Concurrent;

namespace ScaiGrid.Inference.Health;

/// <summary>The health of all backends that this process knows, by id, and which of it other replicas have not heard yet.</summary>
public sealed class HealthBoard(TimeProvider time) : IDisposable
{
    private readonly TimeProvider _time = time;
    private readonly ConcurrentDictionary<string, BackendHealth> _backends = new();
    private readonly ConcurrentDictionary<string, BackendHealth> _unannounced = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private bool _hasGrown;

    public IEnumerable<BackendHealth> All => _backends.Values;

    /// <summary>A backend's health: the same object for as long as there is the backend.</summary>
    public BackendHealth Of(string backendId)
    {
        if (_backends.TryGetValue(backendId, out var known))
        {
            return known;
        }

        var added = _backends.GetOrAdd(backendId, static (id, board) => new BackendHealth(id, board._time, board.Changed), this);
        Volatile.Write(ref _hasGrown, true);
        return added;
    }

    public BackendHealth? Find(string backendId) => _backends.GetValueOrDefault(backendId);

    /// <summary>Forgets the backends that are gone.</summary>
    public void Keep(IReadOnlyCollection<string> backendIds)
    {
        foreach (var id in _backends.Keys.Where(id => !backendIds.Contains(id)))
        {
            _backends.TryRemove(id, out _);
            _unannounced.TryRemove(id, out _);
        }
    }

    /// <summary>Whether there are backends that were not there when this was last asked: others may know something of them.</summary>
    internal bool TakeHasGrown() => Interlocked.Exchange(ref _hasGrown, false);

    internal bool IsUnannounced(string backendId) => _unannounced.ContainsKey(backendId);

    /// <summary>Waits until there is something to announce, or for a while.</summary>
    internal Task WaitForNewsAsync(TimeSpan atMost, CancellationToken cancellationToken) => _news.WaitAsync(atMost, cancellationToken);

    /// <summary>Takes what is to be announced; whoever fails to do so gives it back with <see cref="Changed"/>.</summary>
    internal IReadOnlyList<BackendHealth> TakeNews()
    {
        var news = _unannounced.Values.ToList();
        news.ForEach(health => _unannounced.TryRemove(health.Id, out _));
        return news;
    }

    internal void Changed(BackendHealth health)
    {
        _unannounced[health.Id] = health;
        if (_news.CurrentCount == 0)
        {
            try
            {
                _news.Release();
            }
            catch (SemaphoreFullException)
            {
                // Another change was faster; one wake-up is enough for both.
            }
        }
    }

    public void Dispose() => _news.Dispose();
}
