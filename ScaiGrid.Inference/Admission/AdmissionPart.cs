using System.Collections.Immutable;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>The windows and budgets that one run of the script decides on: those of one slot, or on a single Redis all of them.</summary>
public sealed class AdmissionPart
{
    private const int FirstOfWindows = 9;
    private const int FirstOfSettledBudgets = 10;

    public AdmissionPart(string owner, ImmutableArray<LimitWindow> windows, ImmutableArray<BudgetRule> budgets)
    {
        (Owner, Windows, Budgets) = (owner, windows, budgets);
        TokenWindows = [.. windows.Where(window => window.Limit.Tokens > 0).Select(window => window.Key)];
    }

    /// <summary>The tenant or partner whose hash tag the key of open reservations has.</summary>
    public string Owner { get; }

    public ImmutableArray<LimitWindow> Windows { get; }

    public ImmutableArray<BudgetRule> Budgets { get; }

    public ImmutableArray<RedisKey> TokenWindows { get; }

    public bool IsEmpty => Windows.IsEmpty && Budgets.IsEmpty;

    /// <summary>Whether an admitted call must be settled. Otherwise only request windows were counted, which expire by themselves.</summary>
    internal bool LeavesTraces => !Budgets.IsEmpty || !TokenWindows.IsEmpty;

    // Created on first use: most callers need only one of the parts.
    private RedisValue[] Template => field ??=
    [
        Windows.Length, Budgets.Length, 0, "", "", 0, 0, 0, 0,
        .. Windows.SelectMany(window => new RedisValue[] { window.Limit.Requests, window.Limit.Tokens }),
        .. Budgets.SelectMany(budget => new RedisValue[]
        {
            0, (int)budget.Action, budget.CostLimit ?? -1, budget.TokenLimit ?? -1, budget.RequestLimit ?? -1, 0, budget.Calendar.Name,
        }),
    ];

    private RedisKey[] AllKeys => field ??= [.. Windows.Select(window => window.Key), .. BudgetKeys];

    private RedisKey[] SettledKeys => field ??= [.. TokenWindows, .. BudgetKeys];

    private RedisKey[] BudgetKeys => field ??= Budgets.IsEmpty ? []
        : [AdmissionKeys.Fixed(AdmissionKeys.Open(Owner)), .. Budgets.Select(budget => AdmissionKeys.Fixed(AdmissionKeys.Budget(budget.Owner, budget.Id)))];

    internal RedisKey[] Keys(AdmissionTicket ticket) => WithOnce(AllKeys, ticket);

    internal RedisKey[] SettleKeys(AdmissionTicket ticket, SettleMode mode) => WithOnce(mode is SettleMode.Return ? AllKeys : SettledKeys, ticket);

    /// <summary>Prefetched tickets for calls that have not arrived yet.</summary>
    internal TicketBook Ahead { get; } = new();

    /// <summary>The number of values that <see cref="Write"/> writes.</summary>
    internal int ValuesOf(AdmissionQuestion question) => Template.Length + question.Ahead.Length;

    /// <summary>The number of values that <see cref="WriteSettlement"/> writes.</summary>
    internal int SettleValues => FirstOfSettledBudgets + (Budgets.Length * 2);

    internal void Write(AdmissionQuestion question, RedisValue process, Span<RedisValue> values)
    {
        Template.CopyTo(values);
        var (ticket, ahead) = (question.Ticket, question.Ahead);
        values[2] = ticket.Most.EstimatedTokens;
        values[8] = ahead.Length;
        for (var i = 0; i < ahead.Length; i++)
        {
            values[Template.Length + i] = ahead[i].Id;
        }

        if (Budgets.IsEmpty)
        {
            return;
        }

        (values[3], values[4], values[5], values[6]) = (ticket.Id, process, ticket.Most.Cost, ticket.Most.Tokens);
        values[7] = CountsOnce(ticket);
        for (var i = 0; i < Budgets.Length; i++)
        {
            var at = FirstOfWindows + (Windows.Length * 2) + (i * 7);
            values[at] = Budgets[i].PeriodAt(question.Now).StartMinute;
            values[at + 5] = question.ThrottleMs;
        }
    }

    internal void WriteSettlement(Unsettled unsettled, Span<RedisValue> values)
    {
        var (ticket, _, settlement, mode) = unsettled;
        (values[0], values[1], values[2]) = (mode is SettleMode.Return ? Windows.Length : TokenWindows.Length, Budgets.Length, ticket.Second);
        (values[3], values[4], values[5]) = (settlement.Tokens - ticket.Most.EstimatedTokens, ticket.Id, (int)mode);
        (values[6], values[7], values[8]) = (settlement.Cost, settlement.Tokens, BudgetPeriod.MinuteOf(settlement.At));
        values[9] = CountsOnce(ticket);
        for (var i = 0; i < Budgets.Length; i++)
        {
            values[FirstOfSettledBudgets + (i * 2)] = Budgets[i].PeriodAt(settlement.At).StartMinute;
            values[FirstOfSettledBudgets + (i * 2) + 1] = Budgets[i].Calendar.Name;
        }
    }

    private bool CountsOnce(AdmissionTicket ticket) => ticket.Once is not null && !Budgets.IsEmpty;

    private RedisKey[] WithOnce(RedisKey[] keys, AdmissionTicket ticket) =>
        CountsOnce(ticket) ? [.. keys, AdmissionKeys.Once(Owner, ticket.Once!)] : keys;

    internal static AdmissionPart Join(AdmissionPart first, AdmissionPart second) =>
        new(first.Owner, [.. first.Windows, .. second.Windows], [.. first.Budgets, .. second.Budgets]);
}
