using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Names of admission's keys in Redis. The braces are Redis Cluster's hash tag: all keys of a tenant share a slot, and so do all of a partner.
/// </summary>
public static class AdmissionKeys
{
    /// <summary>The set of tenants and partners with open reservations, which <see cref="ReservationKeeper"/> walks.</summary>
    public const string Owners = "scaigrid:admission:owners";

    private const string Budgets = "scaigrid:budget:";

    public static string Budget(string owner, string budgetId) => $"{Budgets}{{{owner}}}:{budgetId}";

    /// <summary>A hash from ticket id to reservation.</summary>
    public static string Open(string owner) => $"scaigrid:admission:{{{owner}}}:open";

    internal static bool IsBudget(string key) => key.StartsWith(Budgets, StringComparison.Ordinal);

    /// <summary>The usage ids that were already counted in a set of calls, so that a repeated call counts once.</summary>
    internal static RedisKey Once(string owner, string name) => $"scaigrid:admission:{{{owner}}}:once:{name}";

    internal static RedisKey Window(string owner, string level, string id) => Fixed($"scaigrid:limit:{{{owner}}}:{level}:{id}");

    /// <summary>The heartbeat key of a replica.</summary>
    internal static string Replica(string id) => $"scaigrid:admission:replica:{id}";

    // Encoded once instead of at each call.
    internal static RedisKey Fixed(string name) => System.Text.Encoding.UTF8.GetBytes(name);
}
