namespace ScaiGrid.Platform.Identity;

/// <summary>Normalises e-mail addresses for storage and comparison.</summary>
internal static class Emails
{
    public const int MaxLength = 320;

#pragma warning disable CA1308 // How they are stored.
    public static string Normalize(string email) => email.Trim().ToLowerInvariant();
#pragma warning restore CA1308
}
