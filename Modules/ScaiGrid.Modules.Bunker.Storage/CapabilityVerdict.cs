namespace ScaiGrid.Modules.Bunker.Storage;

/// <summary>The result of verifying a token.</summary>
public enum CapabilityVerdict
{
    Valid,
    Forged,
    Expired,
}
