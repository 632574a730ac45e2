using System.Text.Json;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>The time zone in which a tenant's days begin: <c>timezone</c> of its settings, an IANA name; UTC where there is none.</summary>
internal static class TenantTimeZone
{
    public static TimeZoneInfo Of(Tenant tenant)
    {
        using var settings = JsonDocument.Parse(tenant.Settings);
        return settings.RootElement.ValueKind == JsonValueKind.Object
            && settings.RootElement.TryGetProperty("timezone", out var name) && name.ValueKind == JsonValueKind.String
            && TimeZoneInfo.TryFindSystemTimeZoneById(name.GetString()!, out var zone)
            ? zone
            : TimeZoneInfo.Utc;
    }
}
