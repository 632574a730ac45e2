namespace ScaiGrid.Core.Identity;

/// <summary>
/// The life of one credential: an API key, a user's tokens, a session. Its callers change with each snapshot that changes them; this stays, so that
/// calls in flight learn when the credential is revoked, or its user or tenant suspended.
/// </summary>
#pragma warning disable CA1001 // Its source has no timer and no handle, and may be asked for as long as a caller is.
public sealed class Credential(string id)
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _revoked = new();
    private volatile bool _wasUsed;

    public string Id { get; } = id;

    /// <summary>Cancelled once the credential is worth nothing any more. That it expires ends no call that began before.</summary>
    public CancellationToken Revoked => _revoked.Token;

    /// <summary>Notes that a call was made with it.</summary>
    public void Use()
    {
        // Looked at first: processors that only read share the line.
        if (!_wasUsed)
        {
            _wasUsed = true;
        }
    }

    /// <summary>Whether it was used since this was last asked.</summary>
    public bool TakeUse()
    {
        var used = _wasUsed;
        _wasUsed = false;
        return used;
    }

    /// <summary>Ends the calls in flight. Completes when they have been told.</summary>
    public Task RevokeAsync() => _revoked.CancelAsync();
}
