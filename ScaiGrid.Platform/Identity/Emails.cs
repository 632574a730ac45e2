namespace ScaiGrid.Platform.Identity;

/// <summary>Addresses as they are stored and compared.</summary>
internal static class Emails
{
    public const int MaxLength = 320;

#pragma warning disable CA1308 // How they are stored.
    public static string Normalize(string email) => email.Trim().ToLowerInvariant();
#pragma warning restore CA1308
}
