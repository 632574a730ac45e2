using System.Collections.Immutable;
using ScaiGrid.Core.Identity;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>A rolling window in which a caller's calls are counted.</summary>
public readonly record struct LimitWindow(RedisKey Key, RateLimit Limit);

/// <summary>All limits and budgets that apply to one caller's calls, precomputed as far as they do not change from call to call.</summary>
public sealed class AdmissionPlan
{
    private readonly AdmissionPart _tenant;
    private readonly AdmissionPart _partner;
    private readonly AdmissionPart[] _whole;
    private readonly AdmissionPart[] _split;

    private AdmissionPlan(AdmissionPart tenant, AdmissionPart partner)
    {
        (_tenant, _partner) = (tenant, partner);
        _split = [.. new[] { tenant, partner }.Where(part => !part.IsEmpty)];
        _whole = _split.Length < 2 ? _split : [AdmissionPart.Join(tenant, partner)];
        HasBudgets = _split.Any(part => part.Budgets.Length > 0);
        Blocks = _split.Any(part => part.Budgets.Any(budget => budget.Action == BudgetAction.Block));
        CountsTokens = _split.Any(part => part.TokenWindows.Length > 0);
    }

    public bool IsEmpty => _split.Length == 0;

    /// <summary>The plan without budgets, for calls that cost nothing.</summary>
    /// <remarks>A race may create two; the tickets of the one that is lost are returned like all unused tickets.</remarks>
    public AdmissionPlan LimitsOnly => field ??= _tenant.Budgets.IsEmpty && _partner.Budgets.IsEmpty ? this
        : new AdmissionPlan(new AdmissionPart(_tenant.Owner, _tenant.Windows, []), new AdmissionPart(_partner.Owner, _partner.Windows, []));

    /// <summary>The plan without rate limits, for calls of batches: the worker sets their pace.</summary>
    public AdmissionPlan BudgetsOnly => field ??= _tenant.Windows.IsEmpty && _partner.Windows.IsEmpty ? this
        : new AdmissionPlan(new AdmissionPart(_tenant.Owner, [], _tenant.Budgets), new AdmissionPart(_partner.Owner, [], _partner.Budgets));

    public bool HasBudgets { get; }

    /// <summary>Whether one of the budgets may block a call.</summary>
    public bool Blocks { get; }

    public bool CountsTokens { get; }

    /// <summary>A script's keys must share a slot: on a cluster the tenant's part and the partner's part are sent in parallel.</summary>
    public AdmissionPart[] Parts(bool isCluster) => isCluster ? _split : _whole;

    public static AdmissionPlan Of(Caller caller, AdmissionRules rules)
    {
        var limits = rules.Defaults;
        var own = rules.Overrides.GetValueOrDefault(caller.TenantId);
        var partner = rules.Overrides.GetValueOrDefault(caller.PartnerId);
        var windows = new List<LimitWindow>();
        Add(windows, caller.TenantId, "k", caller.ApiKeyId, own?.Key.Over(limits.Key) ?? limits.Key);
        Add(windows, caller.TenantId, "u", caller.UserId, own?.User.Over(limits.User) ?? limits.User);
        Add(windows, caller.TenantId, "t", caller.TenantId, own?.Tenant.Over(limits.Tenant) ?? limits.Tenant);
        var above = new List<LimitWindow>();
        Add(above, caller.PartnerId, "p", caller.PartnerId, partner?.Partner.Over(limits.Partner) ?? limits.Partner);

        IEnumerable<string> scopes = [caller.TenantId, caller.UserId, .. caller.Groups];
        var budgets = scopes.SelectMany(scope => rules.Budgets.GetValueOrDefault(scope) ?? []).Where(budget => budget.Owner == caller.TenantId);
        return new AdmissionPlan(
            new AdmissionPart(caller.TenantId, [.. windows], [.. budgets]),
            new AdmissionPart(caller.PartnerId, [.. above], [.. rules.Budgets.GetValueOrDefault(caller.PartnerId) ?? []]));
    }

    private static void Add(List<LimitWindow> windows, string owner, string level, string? id, RateLimit limit)
    {
        if (id is not null && !limit.IsNone)
        {
            windows.Add(new LimitWindow(AdmissionKeys.Window(owner, level, id), limit));
        }
    }
}

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
            0, (int)budget.Action, budget.CostLimit ?? -1, budget.TokenLimit ?? -1, budget.RequestLimit ?? -1, 0,
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
    internal int SettleValues => FirstOfSettledBudgets + Budgets.Length;

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
            var at = FirstOfWindows + (Windows.Length * 2) + (i * 6);
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
            values[FirstOfSettledBudgets + i] = Budgets[i].PeriodAt(settlement.At).StartMinute;
        }
    }

    private bool CountsOnce(AdmissionTicket ticket) => ticket.Once is not null && !Budgets.IsEmpty;

    private RedisKey[] WithOnce(RedisKey[] keys, AdmissionTicket ticket) =>
        CountsOnce(ticket) ? [.. keys, AdmissionKeys.Once(Owner, ticket.Once!)] : keys;

    internal static AdmissionPart Join(AdmissionPart first, AdmissionPart second) =>
        new(first.Owner, [.. first.Windows, .. second.Windows], [.. first.Budgets, .. second.Budgets]);
}
