namespace ScaiGrid.Core.Identity;

/// <summary>
/// The lifetime of one credential: an API key, a user's tokens, or a session. <see cref="Caller"/> objects are replaced by new snapshots; this object stays,
/// so that running calls are cancelled when the credential is revoked, or its user or tenant suspended.
/// </summary>
#pragma warning disable CA1001 // Its source has no timer and no handle, and may be asked for as long as a caller is.
public sealed class Credential(string id)
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _revoked = new();
    private volatile bool _wasUsed;

    public string Id { get; } = id;

    /// <summary>Cancelled when the credential is revoked. Expiry does not cancel calls that have begun.</summary>
    public CancellationToken Revoked => _revoked.Token;

    /// <summary>Records that a call was made with the credential.</summary>
    public void Use()
    {
        // Read first: processors that only read share the cache line.
        if (!_wasUsed)
        {
            _wasUsed = true;
        }
    }

    /// <summary>Whether the credential was used since the last call of this method.</summary>
    public bool TakeUse()
    {
        var used = _wasUsed;
        _wasUsed = false;
        return used;
    }

    /// <summary>Cancels running calls. Completes when all have been notified.</summary>
    public Task RevokeAsync() => _revoked.CancelAsync();
}
