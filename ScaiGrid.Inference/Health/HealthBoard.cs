using System.Collections.Concurrent;

namespace ScaiGrid.Inference.Health;

/// <summary>The health of all backends that this process knows, by id, and the changes not yet announced to other replicas.</summary>
public sealed class HealthBoard(TimeProvider time) : IDisposable
{
    private readonly TimeProvider _time = time;
    private readonly ConcurrentDictionary<string, BackendHealth> _backends = new();
    private readonly ConcurrentDictionary<string, BackendHealth> _unannounced = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private bool _hasGrown;

    public IEnumerable<BackendHealth> All => _backends.Values;

    /// <summary>A backend's health: the same object for as long as the backend exists.</summary>
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

    /// <summary>True if backends were added since the last call: other replicas may know their state.</summary>
    internal bool TakeHasGrown() => Interlocked.Exchange(ref _hasGrown, false);

    internal bool IsUnannounced(string backendId) => _unannounced.ContainsKey(backendId);

    /// <summary>Waits for a change to announce, up to the given time.</summary>
    internal Task WaitForNewsAsync(TimeSpan atMost, CancellationToken cancellationToken) => _news.WaitAsync(atMost, cancellationToken);

    /// <summary>Takes the changes to announce; a caller that fails to announce one returns it with <see cref="Changed"/>.</summary>
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
                // Another change already released it; one wake-up is enough for both.
            }
        }
    }

    public void Dispose() => _news.Dispose();
}
