using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Limits on what one tenant may create, so that it does not use up the memory and the database that all tenants share.</summary>
public sealed class TenantLimitOptions
{
    [Setting("SCAIGRID_USERS_PER_TENANT", "Maximum number of users of a tenant; 0 for no limit. Users that ScaiKey reports count but are never refused. Deleted ones do not count.")]
    [Range(0, 10_000_000)]
    public int UsersPerTenant { get; set; } = 10_000;

    [Setting("SCAIGRID_CONVERSATIONS_PER_TENANT", "Maximum number of a tenant's sessions, and of its rooms; 0 for no limit.")]
    [Range(0, 10_000_000)]
    public int ConversationsPerTenant { get; set; } = 100_000;

    [Setting(
        "SCAIGRID_CONVERSATION_MB_PER_TENANT",
        "Maximum size of a tenant's sessions and rooms with their messages, in MiB; 0 for no limit. Replies of models count but are never refused.")]
    [Range(0, 1_000_000_000)]
    public int ConversationMbPerTenant { get; set; } = 10_240;

    [Setting(
        "SCAIGRID_BUDGETS_PER_TENANT",
        "Maximum number of budgets that a tenant may set; 0 for no limit. The same number each for those that its partner and the platform set. At most 20 may be for the same tenant, user or group.")]
    [Range(0, 1_000_000)]
    public int BudgetsPerTenant { get; set; } = 1_000;
}
