using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Errors of partners and tenants; variants of core errors.</summary>
internal static class TenancyErrors
{
    public static readonly Error PartnerSlugTaken = CoreErrors.SlugConflict with { Message = "A partner with this slug exists." };
    public static readonly Error TenantSlugTaken = CoreErrors.SlugConflict with { Message = "A tenant with this slug exists." };
    public static readonly Error OperatorsTenant = CoreErrors.PermissionDenied with { Message = "Super admins or services of the installation belong to this tenant: only a super admin can do this." };
    public static readonly Error OwnTenant = CoreErrors.Conflict with { Message = "You cannot suspend your own tenant: an administrator of another tenant must do it." };
}
