namespace ScaiGrid.Core.Identity;

/// <summary>How far a permission reaches. Each value includes the values before it.</summary>
public enum Reach
{
    /// <summary>The holder's own tenant.</summary>
    Tenant,

    /// <summary>All tenants of the holder's partner.</summary>
    Partner,

    /// <summary>The whole installation.</summary>
    Grid,
}
