using System.Text.RegularExpressions;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Slugs of partners, tenants and roles. They are parts of names that callers use (<c>tenant/{slug}/…</c>), so they cannot be changed.</summary>
internal static partial class Slugs
{
    public const int MaxLength = 100;

    /// <summary>Validates a new slug.</summary>
    public static string Slug(this Checks checks, string? value)
    {
        var slug = checks.Required("slug", value, MaxLength);
        if (slug.Length > 0 && !Form().IsMatch(slug))
        {
            checks.Add("slug", "must be of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit.");
        }

        return slug;
    }

    /// <summary>Validates a slug in an update, which must be the stored one.</summary>
    public static void SameSlug(this Checks checks, string? value, string stored)
    {
        if (value is not null && value != stored)
        {
            checks.Add("slug", "cannot be changed: it is part of names in use.");
        }
    }

    /// <summary>Derives a slug from an external name; the name itself if it is a valid slug.</summary>
    public static string From(string wished)
    {
#pragma warning disable CA1308 // What slugs are made of.
        var text = new string([.. wished.ToLowerInvariant().Select(character =>
            char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-' ? character : '-')]).TrimStart('.', '_', '-');
#pragma warning restore CA1308
        return text.Length == 0 ? "unnamed" : text[..Math.Min(text.Length, MaxLength - 10)];
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._-]*\z")]
    private static partial Regex Form();
}
