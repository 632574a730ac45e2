namespace ScaiGrid.Inference.Admission;

/// <summary>The kinds of owner whose use a budget counts.</summary>
public static class BudgetScope
{
    public const string Partner = "partner";
    public const string Tenant = "tenant";
    public const string User = "user";
    public const string Group = "group";
}
