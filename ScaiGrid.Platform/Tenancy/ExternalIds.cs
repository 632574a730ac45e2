namespace ScaiGrid.Platform.Tenancy;

/// <summary>Ids that an identity provider gives: ASCII, as OpenID Connect has them.</summary>
internal static class ExternalIds
{
    public const int MaxLength = 255;
}
