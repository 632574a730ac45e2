namespace ScaiGrid.Platform.Accounting;

/// <summary>By what usage is filtered and grouped: rows and rollups alike.</summary>
internal interface IUsageDimensions
{
    string PartnerId { get; }

    string TenantId { get; }

    string UserId { get; }

    /// <summary>The model's slug at the time of the call.</summary>
    string Model { get; }

    string BackendId { get; }
}
