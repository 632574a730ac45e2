using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Keeps the credentials in use from one snapshot to the next. Those that a new snapshot does not have are revoked when it is in
/// place: a call is then either told, or finds no caller.
/// </summary>
/// <remarks>Changed by one load at a time, read by any.</remarks>
internal sealed class CredentialPool
{
    private volatile Dictionary<string, Credential> _live = [];
    private Dictionary<string, Credential> _next = [];

    /// <summary>The credential of the snapshot that is being made.</summary>
    public Credential Keep(string id)
    {
        if (!_next.TryGetValue(id, out var credential))
        {
            _next[id] = credential = _live.GetValueOrDefault(id) ?? new Credential(id);
        }

        return credential;
    }

    /// <summary>The snapshot that was made is in use now.</summary>
    public void Turn()
    {
        var gone = _live.Where(pair => !_next.ContainsKey(pair.Key)).Select(pair => pair.Value).ToList();
        (_live, _next) = (_next, []);
        foreach (var credential in gone)
        {
            // Not waited for: the calls end on threads of their own, and the next change must not queue behind them.
            _ = credential.RevokeAsync();
        }
    }

    /// <summary>Credentials that were used since this was last asked.</summary>
    public IReadOnlyList<string> TakeUsed() => [.. _live.Values.Where(credential => credential.TakeUse()).Select(credential => credential.Id)];
}
