using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Identity;

/// <summary>Errors of users, groups and roles; all are variants of core errors.</summary>
internal static class IdentityErrors
{
    public static readonly Error EmailTaken = CoreErrors.Conflict with { Message = "The tenant has a user with this email." };
    public static readonly Error ExternalIdTaken = CoreErrors.Conflict with { Message = "The tenant has a user with this external id." };
    public static readonly Error ExternalIdElsewhere = CoreErrors.Conflict with { Message = "A user of another tenant has this external id; only a super admin can give it to a second one." };
    public static readonly Error RoleSlugTaken = CoreErrors.SlugConflict with { Message = "The tenant has a role with this slug." };
    public static readonly Error MappingExists = CoreErrors.Conflict with { Message = "The group already has this role." };
    public static readonly Error TooManyKeys = CoreErrors.Conflict with { Message = "The user already has the maximum number of API keys: first revoke one that is no longer used." };
    public static readonly Error TooManyUsers = CoreErrors.Conflict with { Message = "The tenant already has the maximum number of users: first delete one who no longer needs access." };
    public static readonly Error TooManyRoles = CoreErrors.Conflict with { Message = "The tenant already has the maximum number of roles: first delete one that is no longer used." };
    public static readonly Error LastKey = CoreErrors.Conflict with { Message = "A super admin's last key without scopes does not revoke itself: create another one first." };
    public static readonly Error OneSelf = CoreErrors.Conflict with { Message = "You cannot change your own roles, or suspend or delete yourself: another administrator must do it." };
    public static readonly Error ShutOutByScaiKey = CoreErrors.Conflict with { Message = "The identity provider has suspended or deleted this user: the user must first be activated there." };
    public static readonly Error HoldsMore = CoreErrors.PermissionDenied with { Message = "The user holds permissions that you do not hold." };
    public static readonly Error RoleHoldsMore = CoreErrors.PermissionDenied with { Message = "The role holds permissions that you do not hold." };
    public static readonly Error GrantsMore = CoreErrors.PermissionDenied with { Message = "You cannot grant permissions that you do not hold." };
}
