using System.Globalization;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>What a call reserves in an owner's budgets until it is settled, as stored in Redis.</summary>
/// <param name="Ticket">The id of the usage record that the call will have.</param>
/// <param name="Process">The id of the process that runs the call.</param>
/// <param name="Budgets">The keys of its budgets.</param>
public sealed record OpenReservation(string Ticket, string Process, IReadOnlyList<string> Budgets)
{
    /// <summary>Reads all open reservations of a tenant or partner.</summary>
    public static async Task<IReadOnlyList<OpenReservation>> ReadAsync(IDatabase database, string owner) =>
        [.. (await database.HashGetAllAsync(AdmissionKeys.Open(owner))).Select(Read).OfType<OpenReservation>()];

    /// <summary>Releases the reservation if it is still open. A settlement that is repeated later then does nothing.</summary>
    /// <returns>Whether it was open.</returns>
    public async Task<bool> ReleaseAsync(IDatabase database, string owner)
    {
        RedisKey[] keys = [AdmissionKeys.Open(owner), .. Budgets.Select(name => (RedisKey)name)];
        RedisValue[] values = [1, 0, 0, Budgets.Count, 0, 0, Ticket, (int)SettleMode.ReleaseIfOpen, 0, 0, 0, 0, .. Budgets.Select(_ => (RedisValue)0)];
        return int.Parse((await AdmissionScripts.AdmitAsync(database, keys, values)).ToString(), CultureInfo.InvariantCulture) > 0;
    }

    // "process second cost tokens budget budget …"
    private static OpenReservation? Read(HashEntry entry) =>
        ((string)entry.Value!).Split(' ') is [var process, _, _, _, .. var budgets] && budgets.Length > 0 ? new OpenReservation(entry.Name!, process, budgets) : null;
}
