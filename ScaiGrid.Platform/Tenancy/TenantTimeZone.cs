using System.Text.Json;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>The time zone of a tenant's days: <c>timezone</c> of its settings, an IANA name; UTC by default.</summary>
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
