namespace ScaiGrid.Platform.Accounting;

/// <summary>The fields by which usage is filtered and grouped, in rows and rollups.</summary>
internal interface IUsageDimensions
{
    string PartnerId { get; }

    string TenantId { get; }

    string UserId { get; }

    /// <summary>The model's slug at the time of the call.</summary>
    string Model { get; }

    string BackendId { get; }
}
