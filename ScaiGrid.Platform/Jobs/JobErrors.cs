using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Jobs;

internal static class JobErrors
{
    public static readonly Error NotDead = CoreErrors.Conflict with { Message = "The job is not dead: it runs, or will run by itself." };
}
