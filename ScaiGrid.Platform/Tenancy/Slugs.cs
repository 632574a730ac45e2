using System.Text.RegularExpressions;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Slugs of partners, tenants and roles. They are parts of names that callers use (<c>tenant/{slug}/…</c>), so they never change.</summary>
internal static partial class Slugs
{
    public const int MaxLength = 100;

    /// <summary>A new one.</summary>
    public static string Slug(this Checks checks, string? value)
    {
        var slug = checks.Required("slug", value, MaxLength);
        if (slug.Length > 0 && !Form().IsMatch(slug))
        {
            checks.Add("slug", "must be of a-z, 0-9, dot, underscore and hyphen, and begin with a letter or digit.");
        }

        return slug;
    }

    /// <summary>One that is sent along with a change.</summary>
    public static void SameSlug(this Checks checks, string? value, string stored)
    {
        if (value is not null && value != stored)
        {
            checks.Add("slug", "cannot be changed: it is a part of names in use.");
        }
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9._-]*\z")]
    private static partial Regex Form();
}
