using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Names of admission's keys. The braces are Redis Cluster's hash tag: all keys of a tenant live in one slot, all of a partner's in another.
/// </summary>
public static class AdmissionKeys
{
    /// <summary>Owners of open reservations, tenants and partners: where the keeper looks.</summary>
    public const string Owners = "scaigrid:admission:owners";

    public static string Budget(string owner, string budgetId) => $"scaigrid:budget:{{{owner}}}:{budgetId}";

    /// <summary>A hash from ticket to reservation.</summary>
    public static string Open(string owner) => $"scaigrid:admission:{{{owner}}}:open";

    /// <summary>The usage ids of a set of calls that were counted, each of which counts once.</summary>
    internal static RedisKey Once(string owner, string name) => $"scaigrid:admission:{{{owner}}}:once:{name}";

    internal static RedisKey Window(string owner, string level, string id) => Fixed($"scaigrid:limit:{{{owner}}}:{level}:{id}");

    /// <summary>Says that a replica lives.</summary>
    internal static string Replica(string id) => $"scaigrid:admission:replica:{id}";

    // Bytes once, rather than an encoding a call.
    internal static RedisKey Fixed(string name) => System.Text.Encoding.UTF8.GetBytes(name);
}
