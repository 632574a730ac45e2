using System.Collections.Concurrent;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>
/// How many deliveries to one receiver may be on their way at a time. It grows while the receiver takes them quickly and shrinks when it
/// fails or is slow, so that receivers that hang hold few of the places that all share.
/// </summary>
internal sealed class LaneHealth
{
    private const int First = 8;
    private const int Least = 4;
    private const int Most = 64;
    private const int SlowMs = 2000;
    private const int MostRemembered = 20_000;

    private readonly ConcurrentDictionary<string, int> _limits = new();

    public int Limit(string webhookId) => _limits.GetValueOrDefault(webhookId, First);

    public void Ended(string webhookId, DeliveryAttempt attempt)
    {
        if (_limits.Count > MostRemembered)
        {
            _limits.Clear();
        }

        var isGood = attempt is { Succeeded: true, DurationMs: < SlowMs };
        _limits.AddOrUpdate(webhookId, First, (_, limit) => isGood ? Math.Min(limit + 1, Most) : Math.Max(limit / 2, Least));
    }
}
