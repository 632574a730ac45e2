namespace ScaiGrid.Inference.Admission;

/// <summary>Loads the use of budgets that Redis does not know from the database. Off the hot path: after Redis lost data, and for new budgets.</summary>
public interface IBudgetLedger
{
    /// <param name="budgets">All budgets of a call; those that Redis knows are left unchanged.</param>
    /// <param name="cancellationToken">Cancelled when the caller disconnects.</param>
    /// <returns>False if the database cannot be read either.</returns>
    Task<bool> SeedAsync(IReadOnlyList<BudgetRule> budgets, CancellationToken cancellationToken);
}
