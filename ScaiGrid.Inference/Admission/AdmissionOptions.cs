using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Inference.Admission;

/// <summary>The installation's default limits, and the behaviour while Redis is unavailable.</summary>
public sealed class AdmissionOptions
{
    private const int MaxRequests = 100_000_000;

    [Setting("SCAIGRID_RATE_LIMIT_KEY_RPM", "Calls a minute of one API key; 0 for no limit. Tenants may have limits of their own.")]
    [Range(0, MaxRequests)]
    public int KeyRequests { get; set; } = 60;

    [Setting("SCAIGRID_RATE_LIMIT_USER_RPM", "Calls a minute of one user, over all keys; 0 for no limit.")]
    [Range(0, MaxRequests)]
    public int UserRequests { get; set; } = 120;

    [Setting("SCAIGRID_RATE_LIMIT_TENANT_RPM", "Calls a minute of one tenant; 0 for no limit.")]
    [Range(0, MaxRequests)]
    public int TenantRequests { get; set; } = 1000;

    [Setting("SCAIGRID_RATE_LIMIT_PARTNER_RPM", "Calls a minute of all tenants of one partner; 0 for no limit.")]
    [Range(0, MaxRequests)]
    public int PartnerRequests { get; set; } = 5000;

    [Setting("SCAIGRID_RATE_LIMIT_KEY_TPM", "Tokens a minute of one API key; 0 for no limit.")]
    [Range(0, RateLimit.MaxTokens)]
    public long KeyTokens { get; set; }

    [Setting("SCAIGRID_RATE_LIMIT_USER_TPM", "Tokens a minute of one user, over all keys; 0 for no limit.")]
    [Range(0, RateLimit.MaxTokens)]
    public long UserTokens { get; set; }

    [Setting("SCAIGRID_RATE_LIMIT_TENANT_TPM", "Tokens a minute of one tenant; 0 for no limit.")]
    [Range(0, RateLimit.MaxTokens)]
    public long TenantTokens { get; set; }

    [Setting("SCAIGRID_RATE_LIMIT_PARTNER_TPM", "Tokens a minute of all tenants of one partner; 0 for no limit.")]
    [Range(0, RateLimit.MaxTokens)]
    public long PartnerTokens { get; set; }

    [Setting("SCAIGRID_RATE_LIMIT_ADDRESS_RPM", "Calls a minute without valid credentials from one IP address; 0 for no limit.")]
    [Range(0, MaxRequests)]
    public int AddressRequests { get; set; } = 300;

    [Setting("SCAIGRID_RATE_LIMIT_CONTROL_RPM", "Control-plane calls a minute of one user, over all keys and sessions, or of one service token; 0 for no limit. Calls that run a model are not counted.")]
    [Range(0, MaxRequests)]
    public int ControlRequests { get; set; } = 1200;

    [Setting(
        "SCAIGRID_RATE_LIMIT_FAIL_CLOSED",
        "While Redis is unavailable: `false` limits calls in each process separately, `true` refuses them with 503. Calls under a blocking budget are always refused, control-plane calls never.")]
    public bool FailClosed { get; set; }

    [Setting("SCAIGRID_BUDGET_THROTTLE_RPM", "Calls a minute that a budget with the action `throttle` allows when it is exhausted.")]
    [Range(1, 60_000)]
    public int ThrottleRequests { get; set; } = 6;

    [Setting("SCAIGRID_BUDGET_OUTPUT_TOKENS", "Limit on the output tokens of a call under a budget if neither the caller nor the model sets one; lower if the model's context window leaves less.")]
    [Range(1, 1_000_000)]
    public int UnboundedOutputTokens { get; set; } = 16_384;

    /// <summary>The limits of a tenant without overrides.</summary>
    public LevelLimits Defaults => new(
        new RateLimit(KeyRequests, KeyTokens), new RateLimit(UserRequests, UserTokens), new RateLimit(TenantRequests, TenantTokens), new RateLimit(PartnerRequests, PartnerTokens));
}
