using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Budgets;

internal static class BudgetErrors
{
    public static readonly Error SetAbove = CoreErrors.PermissionDenied with { Message = "The budget was set by your partner or the platform, and only they can change it." };
    public static readonly Error TooMany = CoreErrors.Conflict with { Message = "There is the maximum number of budgets: first delete one that is no longer used." };
    public static readonly Error TooManyOfScope = CoreErrors.Conflict with { Message = "The partner, tenant, user or group has the maximum number of budgets: change or delete one of them." };
}
