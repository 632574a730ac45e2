using System.Globalization;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>What a call reserves in an owner's budgets until it is settled, as stored in Redis.</summary>
/// <param name="Ticket">The id of the usage record that the call will have.</param>
/// <param name="Process">The id of the process that runs the call.</param>
/// <param name="Budgets">The keys of its budgets.</param>
/// <param name="Once">The key of the set within which the call counts once; null for a call that is never repeated.</param>
public sealed record OpenReservation(string Ticket, string Process, IReadOnlyList<string> Budgets, string? Once)
{
    /// <summary>Reads all open reservations of a tenant or partner.</summary>
    public static async Task<IReadOnlyList<OpenReservation>> ReadAsync(IDatabase database, string owner) =>
        [.. (await database.HashGetAllAsync(AdmissionKeys.Open(owner))).Select(entry => Read(entry.Name, entry.Value)).OfType<OpenReservation>()];

    /// <summary>Reads those of a tenant's or partner's open reservations that have one of these tickets.</summary>
    internal static async Task<IReadOnlyList<OpenReservation>> ReadAsync(IDatabase database, string owner, IEnumerable<string> tickets)
    {
        RedisValue[] names = [.. tickets.Select(ticket => (RedisValue)ticket)];
        return [.. (await database.HashGetAsync(AdmissionKeys.Open(owner), names)).Select((value, at) => Read(names[at], value)).OfType<OpenReservation>()];
    }

    /// <summary>Releases the reservation if it is still open. A settlement that is repeated later then does nothing.</summary>
    /// <returns>Whether it was open.</returns>
    public Task<bool> ReleaseAsync(IDatabase database, string owner) => SettleAsync(database, owner, SettleMode.ReleaseIfOpen, default, periods: null);

    /// <summary>Counts the call's use in the periods of its time if the reservation is still open.</summary>
    /// <param name="database">The Redis.</param>
    /// <param name="owner">The tenant or partner.</param>
    /// <param name="use">The call's use.</param>
    /// <param name="rules">The budgets by their keys. The use of a budget that is not among them counts if the period that Redis knows began before it.</param>
    /// <returns>Whether it was open.</returns>
    internal Task<bool> CountAsync(IDatabase database, string owner, Settlement use, IReadOnlyDictionary<string, BudgetRule> rules) =>
        SettleAsync(database, owner, SettleMode.CountIfOpen, use, rules);

    private async Task<bool> SettleAsync(IDatabase database, string owner, SettleMode mode, Settlement use, IReadOnlyDictionary<string, BudgetRule>? periods)
    {
        RedisKey[] keys = [AdmissionKeys.Open(owner), .. Budgets.Select(name => (RedisKey)name), .. Once is null ? [] : (RedisKey[])[Once]];
        var minute = mode is SettleMode.CountIfOpen ? BudgetPeriod.MinuteOf(use.At) : 0;
        RedisValue[] values =
        [
            1, 0, 0, Budgets.Count, 0, 0, Ticket, (int)mode, use.Cost, use.Tokens, minute, Once is not null,
            .. Budgets.Select(name => periods?.GetValueOrDefault(name)?.Calendar)
                .SelectMany(calendar => calendar is null ? (RedisValue[])[0, ""] : [calendar.PeriodAt(use.At).StartMinute, calendar.Name]),
        ];
        return int.Parse((await AdmissionScripts.AdmitAsync(database, keys, values)).ToString(), CultureInfo.InvariantCulture) > 0;
    }

    // "process second cost tokens budget budget …", and at the end the set of a call that counts once.
    private static OpenReservation? Read(RedisValue ticket, RedisValue value)
    {
        if (value.IsNull || ((string)value!).Split(' ') is not [var process, _, _, _, .. var keys])
        {
            return null;
        }

        var budgets = keys.Where(AdmissionKeys.IsBudget).ToList();
        return budgets.Count > 0 ? new OpenReservation(ticket!, process, budgets, keys.FirstOrDefault(key => !AdmissionKeys.IsBudget(key))) : null;
    }
}
