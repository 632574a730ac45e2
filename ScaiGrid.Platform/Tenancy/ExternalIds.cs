namespace ScaiGrid.Platform.Tenancy;

/// <summary>Limits of ids from identity providers: ASCII, as in OpenID Connect.</summary>
internal static class ExternalIds
{
    public const int MaxLength = 255;
}
