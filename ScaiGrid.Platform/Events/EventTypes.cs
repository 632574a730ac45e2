namespace ScaiGrid.Platform.Events;

/// <summary>The platform's own event types. They are API and never change.</summary>
public static class EventTypes
{
    public const string RequestCompleted = "request.completed";
    public const string RequestFailed = "request.failed";
    public const string BudgetSoftLimitReached = "budget.soft_limit_reached";
    public const string BudgetHardLimitReached = "budget.hard_limit_reached";
    public const string ScaiKeyUserCreated = "scaikey.user.created";
    public const string ScaiKeyUserUpdated = "scaikey.user.updated";
    public const string WebhookAutoDisabled = "webhook.auto_disabled";

    /// <summary>Sent only by a webhook's <c>test</c>; not available to subscriptions.</summary>
    public const string WebhookTest = "webhook.test";

    public static readonly IReadOnlyList<string> All =
    [
        RequestCompleted, RequestFailed, BudgetSoftLimitReached, BudgetHardLimitReached, ScaiKeyUserCreated, ScaiKeyUserUpdated, WebhookAutoDisabled,
    ];
}
