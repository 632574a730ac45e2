namespace ScaiGrid.Core.Audit;

/// <summary>The kinds of actor in the audit log.</summary>
public static class ActorTypes
{
    public const string User = "user";
    public const string Service = "service";
    public const string Webhook = "webhook";
}
