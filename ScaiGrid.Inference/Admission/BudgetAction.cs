namespace ScaiGrid.Inference.Admission;

/// <summary>What a budget does to calls that would exceed it. The numbers are used by the script.</summary>
public enum BudgetAction
{
    Block = 0,
    Notify = 1,
    Throttle = 2,
}
