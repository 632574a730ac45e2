using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Webhooks;

internal static class WebhookErrors
{
    public static readonly Error NotActive = CoreErrors.Conflict with { Message = "The webhook is not active; set its status to active first." };
    public static readonly Error StillPending = CoreErrors.Conflict with { Message = "The delivery is still in progress." };
    public static readonly Error TooMany = CoreErrors.Conflict with { Message = "The tenant already has the maximum number of webhooks." };
}
