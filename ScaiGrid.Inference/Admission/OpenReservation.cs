using System.Globalization;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>What a call holds back in an owner's budgets until it is settled, as Redis has it.</summary>
/// <param name="Ticket">The id of the usage record that the call will have.</param>
/// <param name="Process">Which process runs the call.</param>
/// <param name="Budgets">Their keys.</param>
public sealed record OpenReservation(string Ticket, string Process, IReadOnlyList<string> Budgets)
{
    /// <summary>All of a tenant, or of a partner.</summary>
    public static async Task<IReadOnlyList<OpenReservation>> ReadAsync(IDatabase database, string owner) =>
        [.. (await database.HashGetAllAsync(AdmissionKeys.Open(owner))).Select(Read).OfType<OpenReservation>()];

    /// <summary>Gives it back, where it is still there: a settlement that comes later in a second attempt then does nothing.</summary>
    /// <returns>Whether it was there.</returns>
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
