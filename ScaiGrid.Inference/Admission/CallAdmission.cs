using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Decides whether a call may run, before anything is sent upstream: checks all rate limits and budgets of its caller in one round trip to
/// Redis, all or nothing, and prefetches the next calls of a busy caller. Reservations are released or turned into use when the call is settled.
/// </summary>
public sealed partial class CallAdmission
{
    private const int Admitted = 0;
    private const int RateLimited = 1;
    private const int Exceeded = 2;
    private const int Throttled = 3;
    private const int UnknownBudget = 4;

    /// <summary>More than any real call costs. Thousands of such reservations fit into 64 bits, and the script refuses what would not.</summary>
    private const long MaxReservedCost = 1_000_000 * Money.NanosPerUnit;

    private const long MaxReservedTokens = 1_000_000_000_000;
    private const int RetryAfterSeconds = 2;

    /// <summary>Larger requests take long to translate for their upstream, so they do not continue on the reading thread.</summary>
    private const int ShortBytes = 64 * 1024;

    private static readonly Problem Unknowable =
        new(CoreErrors.Unavailable, "The caller's limits cannot be checked at the moment; try again.", RetryAfterSeconds);

    private readonly AdmissionStore _store;
    private readonly SnapshotStore _snapshots;
    private readonly AdmissionOptions _options;
    private readonly IBudgetLedger _ledger;
    private readonly AdmissionMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger<CallAdmission> _logger;
    private readonly LocalLimiter _local;
    private readonly AheadAdmission _ahead;
    private readonly ConcurrentDictionary<string, AdmissionTicket> _reserving = new();
    private readonly int _throttleMs;

    internal CallAdmission(
        AdmissionStore store,
        SnapshotStore snapshots,
        AdmissionOptions options,
        IBudgetLedger ledger,
        AdmissionMetrics metrics,
        TimeProvider time,
        ILogger<CallAdmission> logger)
    {
        (_store, _snapshots, _options, _ledger, _metrics, _time, _logger) = (store, snapshots, options, ledger, metrics, time, logger);
        _local = new LocalLimiter(time);
        _throttleMs = 60_000 / options.ThrottleRequests;
        Settlements = new Settlements(store, Answered);
        _ahead = new AheadAdmission(store, Settlements, time);
    }

    /// <summary>Tenants and partners for which this process has made reservations.</summary>
    internal ConcurrentDictionary<string, bool> Owners { get; } = new();

    /// <summary>Sends settlements to Redis.</summary>
    internal Settlements Settlements { get; }

    /// <summary>Whether prefetched tickets exist or have been asked for.</summary>
    internal bool HasTickets => _ahead.HasTickets;

    /// <summary>Whether a call of this process that has a reservation in budgets is running.</summary>
    internal bool IsRunning(string ticket) => _reserving.ContainsKey(ticket);

    /// <summary>Admits a call and sets its ticket.</summary>
    /// <returns>The reason for a refusal; null if the call may run.</returns>
    public async ValueTask<Problem?> AdmitAsync(InferenceCall call, bool hasModel, CancellationToken callerGone)
    {
        CallBounds? bounds = hasModel ? call.Bounds(_options.UnboundedOutputTokens) : null;
        var outcome = await AdmitAsync(call.Context.Caller, _snapshots.Current.Admission, bounds, callerGone);
        call.ShowLimits(outcome.Limits);
        call.Ticket = outcome.Ticket;
        if (outcome.Ticket is { IsBinding: true })
        {
            call.KeepToBounds(_options.UnboundedOutputTokens);
        }

        return outcome.Problem;
    }

    /// <summary>Counts a call that runs no model. Calls of batches have no rate limits.</summary>
    public ValueTask<AdmissionOutcome> CountAsync(Caller caller) =>
        // Also for a caller who leaves after a whole body: it was read.
        caller.Terms is null ? AdmitAsync(caller, _snapshots.Current.Admission, bounds: null, CancellationToken.None) : default;

    /// <summary>Refuses a caller of whom this process knows that a window is full. Costs no round trip: it is asked before a call's body is read.</summary>
    public AdmissionOutcome RefuseKnown(Caller caller)
    {
        if (_snapshots.Current.Admission.Full.Of(caller, _time) is not { } limits)
        {
            return default;
        }

        _metrics.RateLimited(caller.TenantId);
        return new AdmissionOutcome(RefusedByLimit(limits.RetryAfterSeconds, ofTokens: false), limits);
    }

    /// <param name="caller">The caller whose limits and budgets apply.</param>
    /// <param name="rules">The rules of the snapshot that the call uses.</param>
    /// <param name="bounds">The most that the call can use; null for a call that costs nothing, to which only rate limits apply.</param>
    /// <param name="cancellationToken">Cancelled when the caller disconnects.</param>
    private async ValueTask<AdmissionOutcome> AdmitAsync(Caller caller, AdmissionRules rules, CallBounds? bounds, CancellationToken cancellationToken)
    {
        var whole = rules.PlanOf(caller);
        var plan = bounds is null ? whole.LimitsOnly : caller.Terms is not null ? whole.BudgetsOnly : whole;
        var most = bounds ?? default;
        if (plan.IsEmpty)
        {
            return default;
        }

        if (!_store.IsUsable)
        {
            return WithoutRedis(plan, caller, most);
        }

        var amounts = Amounts(plan, most, caller.Terms);
        var parts = plan.Parts(_store.IsCluster);
        var mayBeAhead = parts.Length == 1 && caller.Terms is null;
        if (mayBeAhead && _ahead.TryTake(plan, parts[0], amounts, out var ready))
        {
            return Admit(ready.Ticket, ready.Limits);
        }

        var ticket = NewTicket(plan, caller, amounts);
        try
        {
            var (refusal, unknown, limits) = await AskAsync(parts, ticket, caller, most.Bytes <= ShortBytes, mayBeAhead);
            if (unknown is not null)
            {
                if (!await SeedAsync(parts, cancellationToken))
                {
                    return WithoutRedis(plan, caller, most);
                }

                (refusal, unknown, limits) = await AskAsync(parts, ticket, caller, most.Bytes <= ShortBytes, mayBeAhead);
            }

            if (mayBeAhead && unknown is null && refusal is null)
            {
                _ahead.Came(plan, parts[0], amounts);
            }

            Answered(failure: null);
            if (refusal is not null && limits.Limit > 0)
            {
                rules.Full.Add(caller, limits, _time.GetTimestamp());
            }

            return unknown is not null ? new AdmissionOutcome(Unknowable) : refusal is not null ? new AdmissionOutcome(refusal, limits) : Admit(ticket, limits);
        }
        catch (Exception exception) when (RedisAway.Is(exception, cancellationToken))
        {
            Answered(exception);

            // The call may have been reserved although the answer is missing.
            foreach (var part in parts)
            {
                Settlements.ReleaseLater(ticket, part);
            }

            return WithoutRedis(plan, caller, most);
        }
    }

    /// <summary>Counts the actual use of a call. Does not wait for Redis.</summary>
    public void Settle(AdmissionTicket ticket, Settlement settlement)
    {
        if (TryClose(ticket))
        {
            Settlements.Send(ticket, settlement, SettleMode.Count);
        }
    }

    /// <summary>Releases the reservation of a call that used nothing. Does nothing after <see cref="Settle"/>.</summary>
    public void Release(AdmissionTicket? ticket)
    {
        if (ticket is not null && TryClose(ticket))
        {
            Settlements.Send(ticket, default, SettleMode.Release);
        }
    }

    /// <summary>Deletes sets of counted calls that will not be repeated.</summary>
    /// <param name="owners">The caller's tenant and partner.</param>
    /// <param name="sets">Names of the sets; see <see cref="CallTerms.Once"/>.</param>
    public async Task ForgetAsync(IReadOnlyCollection<string> owners, IReadOnlyCollection<string> sets)
    {
        try
        {
            await Task.WhenAll(owners.SelectMany(owner => sets.Select(name => _store.Database.KeyDeleteAsync(AdmissionKeys.Once(owner, name)))));
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // The sets expire by themselves.
            Answered(exception);
        }
    }

    private AdmissionOutcome Admit(AdmissionTicket ticket, RateLimitState limits)
    {
        if (ticket.Id.Length > 0)
        {
            _reserving[ticket.Id] = ticket;
        }

        return new AdmissionOutcome(null, limits, ticket.Parts.Length > 0 ? ticket : null);
    }

    private bool TryClose(AdmissionTicket ticket)
    {
        if (!ticket.TryClose())
        {
            return false;
        }

        // A line of a batch that is repeated has the same id, and may have begun already.
        _reserving.TryRemove(KeyValuePair.Create(ticket.Id, ticket));
        return true;
    }

    private static TicketAmounts Amounts(AdmissionPlan plan, CallBounds bounds, CallTerms? terms) => new(
        plan.CountsTokens ? Math.Min(bounds.Estimate, MaxReservedTokens) : 0,
        plan.HasBudgets ? Math.Min(terms?.Apply(bounds.HighestCost) ?? bounds.HighestCost, MaxReservedCost) : 0,
        Math.Min(bounds.Highest.Total, MaxReservedTokens));

    private AdmissionTicket NewTicket(AdmissionPlan plan, Caller caller, TicketAmounts amounts) => new()
    {
        Id = plan.HasBudgets ? caller.Terms?.UsageId ?? Ids.New(Ids.Usage, _time) : "",
        Once = caller.Terms?.Once,
        Most = amounts,
        IsBinding = plan.Blocks,
    };

    /// <summary>
    /// Tells Redis the use of budgets that it does not know, because it lost its data or the budget is new: a cold path, and the only place where a call
    /// may wait for the database.
    /// </summary>
    private async Task<bool> SeedAsync(AdmissionPart[] parts, CancellationToken cancellationToken)
    {
        // Moved off the thread that reads Redis's answers, because some database drivers block.
        await Task.Yield();
        return await _ledger.SeedAsync([.. parts.SelectMany(part => part.Budgets)], cancellationToken);
    }

    /// <returns>The reason for a refusal, or the budget whose use Redis does not know; in both cases nothing stays reserved.</returns>
    private async Task<(Problem? Refusal, BudgetRule? Unknown, RateLimitState Limits)> AskAsync(
        AdmissionPart[] parts, AdmissionTicket ticket, Caller caller, bool isShort, bool mayJoin)
    {
        var now = _time.GetUtcNow();
        if (parts.Length == 1)
        {
            return Read(await AskAsync(parts[0], ticket, now, isShort, mayJoin), parts[0], ticket, caller);
        }

        // On a cluster: both slots in parallel, so still one round trip.
        var (first, second) = (AskAsync(parts[0], ticket, now, isShort, mayJoin: false), AskAsync(parts[1], ticket, now, isShort, mayJoin: false));
        await Task.WhenAll(first, second);
        var one = Read(await first, parts[0], ticket, caller);
        var other = Read(await second, parts[1], ticket, caller);
        var refusal = one.Refusal ?? other.Refusal;
        var unknown = one.Unknown ?? other.Unknown;
        if (refusal is not null || unknown is not null)
        {
            Settlements.Send(ticket, default, SettleMode.Release);
            ticket.Parts = [];
        }

        var limits = one.Refusal is not null ? one.Limits : other.Refusal is not null ? other.Limits : Stricter(one.Limits, other.Limits);
        return (refusal, unknown, limits);
    }

    private Task<AdmissionAnswer> AskAsync(AdmissionPart part, AdmissionTicket ticket, DateTimeOffset now, bool isShort, bool mayJoin)
    {
        if (!part.Budgets.IsEmpty && Owners.TryAdd(part.Owner, true))
        {
            _store.Database.SetAdd(AdmissionKeys.Owners, part.Owner, CommandFlags.FireAndForget);
        }

        return _store.AdmitAsync(part, ticket, now, _throttleMs, isShort, mayJoin);
    }

    private (Problem? Refusal, BudgetRule? Unknown, RateLimitState Limits) Read(AdmissionAnswer answer, AdmissionPart part, AdmissionTicket ticket, Caller caller)
    {
        var now = answer[1];
        switch (answer[0])
        {
            case Admitted:
                ticket.Second = now;
                ticket.Parts = part.LeavesTraces ? [.. ticket.Parts, part] : ticket.Parts;
                return (null, null, answer.Limits);
            case RateLimited:
                _metrics.RateLimited(caller.TenantId);
                var (limit, retryAt, ofTokens) = (answer[2], answer[3], answer[4] == 1);
                return (RefusedByLimit((int)Math.Max(retryAt - now, 1), ofTokens), null, LimitState(limit, retryAt, now, ofTokens));
            case Exceeded:
                _metrics.BudgetBlocked(caller.TenantId, "block");
                return (BudgetRefusal.Of(part.Budgets[(int)now], (BudgetRefusal.Reason)answer[2], ticket.Most, caller, _time.GetUtcNow()), null, default);
            case Throttled:
                _metrics.BudgetBlocked(caller.TenantId, "throttle");
                var seconds = (int)Math.Clamp((answer[2] + 999) / 1000, 1, 60);
                return (BudgetRefusal.Throttled(part.Budgets[(int)now], caller, seconds), null, default);
            case UnknownBudget:
                return (null, part.Budgets[(int)now], default);
            default:
                throw new RedisException("The admission script gave an answer that is not known.");
        }
    }

    private AdmissionOutcome WithoutRedis(AdmissionPlan plan, Caller caller, CallBounds bounds)
    {
        _metrics.WithoutRedis();
        if (_options.FailClosed || plan.Blocks)
        {
            return new AdmissionOutcome(Unknowable);
        }

        var (isAdmitted, limits) = _local.TryEnter(plan.Parts(isCluster: false)[0], bounds.Estimate);
        if (isAdmitted)
        {
            return new AdmissionOutcome(null, limits);
        }

        _metrics.RateLimited(caller.TenantId);
        return new AdmissionOutcome(RefusedByLimit(limits.RetryAfterSeconds, ofTokens: false), limits);
    }

    private static Problem RefusedByLimit(int seconds, bool ofTokens) =>
        new(InferenceErrors.RateLimited, ofTokens ? "The tokens-per-minute limit has been reached." : null, seconds);

    private static RateLimitState LimitState(long limit, long retryAt, long now, bool ofTokens) => ofTokens
        ? new RateLimitState(0, 0, 0, now) { TokenLimit = limit, TokenReset = retryAt }
        : new RateLimitState(limit, 0, retryAt, now);

    private static RateLimitState Stricter(RateLimitState one, RateLimitState other)
    {
        var requests = other.Limit > 0 && (one.Limit == 0 || other.Remaining < one.Remaining) ? other : one;
        var tokens = other.TokenLimit > 0 && (one.TokenLimit == 0 || other.TokenRemaining < one.TokenRemaining) ? other : one;
        return requests with { TokenLimit = tokens.TokenLimit, TokenRemaining = tokens.TokenRemaining, TokenReset = tokens.TokenReset };
    }

    // Logs once when an outage begins and once when it ends.
    private void Answered(Exception? failure)
    {
        if (failure is not null)
        {
            if (_store.Failed())
            {
                AdmissionFailed(_options.FailClosed ? "calls are refused" : "each process limits by itself", failure.Message);
            }
        }
        else if (_store.Answered())
        {
            _local.Clear();
            AdmissionResumed();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis does not answer: {Consequence}, and calls under a budget that blocks are refused. {Reason}")]
    private partial void AdmissionFailed(string consequence, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis answers again: limits apply across all processes.")]
    private partial void AdmissionResumed();
}
