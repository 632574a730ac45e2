using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Batch;

internal static class BatchErrors
{
    public static readonly Error Over = CoreErrors.Conflict with { Message = "The batch has ended and can no longer be cancelled." };
    public static readonly Error TooMany = CoreErrors.QuotaExceeded with { Message = "The tenant has the maximum number of batches in progress: wait for one to end, or cancel one." };
}
