using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Batch;

/// <summary>Finds the current caller of a batch: with a revoked or expired key, or a suspended user, it makes no more calls.</summary>
internal sealed class BatchCallers(SnapshotStore snapshots, InternalCallers internals, TimeProvider time)
{
    // Needed for every line, so a snapshot's keys are indexed by id once.
    private volatile KeysById _keys = new(GridSnapshot.Empty);

    public bool IsReady => snapshots.Current.Revision >= 0;

    public Caller? Find(BatchRow batch)
    {
        var snapshot = snapshots.Current;
        var caller = batch.ApiKeyId is { } key ? KeysOf(snapshot).Find(key) : snapshot.Users.GetValueOrDefault(batch.UserId) ?? internals.FindService(batch.UserId);

        // An expired key stays in the snapshot until the next change in the control plane.
        return caller?.ExpiresAt <= time.GetUtcNow() ? null : caller;
    }

    private KeysById KeysOf(GridSnapshot snapshot)
    {
        var keys = _keys;
        return keys.Snapshot == snapshot ? keys : _keys = new KeysById(snapshot);
    }

    private sealed class KeysById(GridSnapshot snapshot)
    {
        private readonly FrozenDictionary<string, Caller> _callers = snapshot.Keys.Values.ToFrozenDictionary(caller => caller.ApiKeyId!);

        public GridSnapshot Snapshot => snapshot;

        public Caller? Find(string id) => _callers.GetValueOrDefault(id);
    }
}
