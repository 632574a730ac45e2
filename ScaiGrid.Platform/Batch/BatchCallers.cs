using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Batch;

/// <summary>Finds who a batch calls for, as they are now: a revoked key or a suspended user makes no more calls.</summary>
internal sealed class BatchCallers(SnapshotStore snapshots)
{
    public bool IsReady => snapshots.Current.Revision >= 0;

    public Caller? Find(BatchRow batch) => batch.ApiKeyId is { } key
        ? snapshots.Current.Keys.Values.FirstOrDefault(caller => caller.ApiKeyId == key)
        : snapshots.Current.Users.GetValueOrDefault(batch.UserId);
}
