using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Keeps the credentials in use from one snapshot to the next. Those that are missing in a new snapshot are revoked once it is in use: a running
/// call is then cancelled, and a new one finds no caller.
/// </summary>
/// <remarks>Written by one load at a time, read by any thread.</remarks>
internal sealed class CredentialPool
{
    private volatile Dictionary<string, Credential> _live = [];
    private Dictionary<string, Credential> _next = [];

    /// <summary>Called before a snapshot is built: what an earlier one kept that could not be built must not stay.</summary>
    public void Begin() => _next = [];

    /// <summary>The credential for the snapshot that is being built.</summary>
    public Credential Keep(string id)
    {
        if (!_next.TryGetValue(id, out var credential))
        {
            _next[id] = credential = _live.GetValueOrDefault(id) ?? new Credential(id);
        }

        return credential;
    }

    /// <summary>Called when the snapshot that was built is in use.</summary>
    public void Turn()
    {
        var gone = _live.Where(pair => !_next.ContainsKey(pair.Key)).Select(pair => pair.Value).ToList();
        (_live, _next) = (_next, []);
        foreach (var credential in gone)
        {
            // Not awaited: the calls end on other threads, and the next load must not wait for them.
            _ = credential.RevokeAsync();
        }
    }

    /// <summary>The credentials that were used since the last call of this method.</summary>
    public IReadOnlyList<string> TakeUsed() => [.. _live.Values.Where(credential => credential.TakeUse()).Select(credential => credential.Id)];
}
