using System.Collections;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Identity;

/// <summary>The fields of every log line of a call.</summary>
public sealed class CallScope(string requestId, Caller? caller) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public int Count => caller is null ? 1 : 3;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("request_id", requestId),
        1 when caller is not null => new("tenant_id", caller.TenantId),
        2 when caller is not null => new("user_id", caller.UserId),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString() => requestId;
}
