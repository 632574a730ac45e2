using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Batch;

internal static class BatchErrors
{
    public static readonly Error Over = CoreErrors.Conflict with { Message = "The batch has ended and can no longer be cancelled." };
}
