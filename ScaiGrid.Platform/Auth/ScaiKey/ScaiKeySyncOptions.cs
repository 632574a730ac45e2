using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Settings of the sync from ScaiKey's admin API. Its paths are defined by ScaiKey; the defaults are assumptions.</summary>
public sealed class ScaiKeySyncOptions
{
    [Setting("SCAIGRID_SCAIKEY_ADMIN_URL", "Address of ScaiKey's admin API, from which a lost webhook is made good; without it there is no sync.", DefaultText = "none")]
    public Uri? AdminUrl { get; set; }

    [Setting("SCAIGRID_SCAIKEY_ADMIN_SCOPE", "The scope of the token (client credentials) that the sync asks for.", DefaultText = "none")]
    public string? AdminScope { get; set; }

    [Setting("SCAIGRID_SCAIKEY_SYNC_INTERVAL_S", "From one sync to the next.")]
    [Range(typeof(TimeSpan), "00:00:01", "7.00:00:00")]
    public TimeSpan Interval { get; set; } = TimeSpan.FromMinutes(60);

    [Setting("SCAIGRID_SCAIKEY_PARTNERS_PATH", "Where the admin API lists partners; `none` to leave them out.")]
    [Required]
    public string PartnersPath { get; set; } = "/api/v1/platform/partners";

    [Setting("SCAIGRID_SCAIKEY_TENANTS_PATH", "Where the admin API lists tenants; `none` to leave them out.")]
    [Required]
    public string TenantsPath { get; set; } = "/api/v1/platform/tenants";

    [Setting("SCAIGRID_SCAIKEY_USERS_PATH", "Where the admin API lists users; `none` to leave them out.")]
    [Required]
    public string UsersPath { get; set; } = "/api/v1/platform/users";

    [Setting("SCAIGRID_SCAIKEY_GROUPS_PATH", "Where the admin API lists groups with their `member_ids` and `group_ids`; `none` to leave them out.")]
    [Required]
    public string GroupsPath { get; set; } = "/api/v1/platform/groups";
}
