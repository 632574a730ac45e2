using System.Buffers;
using System.Text;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Identity;

/// <summary>Validates the fields of users.</summary>
internal static class UserChecks
{
    public const int NameLength = 200;
    private const int EmailLength = 320;

    private static readonly SearchValues<char> NotInEmails = SearchValues.Create(" \t\r\n,;<>\"");

    /// <summary>An e-mail address, in lower case. Whether it can receive mail is not checked.</summary>
    public static string Email(this Checks checks, string? value)
    {
        var email = checks.Required("email", value, EmailLength).ToLowerInvariant();
        var at = email.IndexOf('@', StringComparison.Ordinal);
        if (email.Length > 0 && (at < 1 || at == email.Length - 1 || email.AsSpan().ContainsAny(NotInEmails) || email.Any(char.IsControl)))
        {
            checks.Add("email", "must be an email address.");
        }

        return email;
    }

    /// <summary>Built-in roles.</summary>
    public static string[]? Roles(this Checks checks, string?[]? values, string field = "roles")
    {
        for (var i = 0; i < values?.Length; i++)
        {
            if (values[i] is not { } role || !Core.Identity.Roles.Holds.ContainsKey(role))
            {
                checks.Add($"{field}[{i}]", $"must be one of {string.Join(", ", Core.Identity.Roles.Holds.Keys.Order(StringComparer.Ordinal))}.");
            }
        }

        return values is null ? null : [.. values.OfType<string>().Distinct()];
    }

    /// <summary>Permissions, each of which must be in <paramref name="allowed"/>.</summary>
    public static string[]? Permissions(this Checks checks, string field, string?[]? values, IReadOnlySet<string> allowed, string otherwise)
    {
        for (var i = 0; i < values?.Length; i++)
        {
            if (values[i] is not { } permission || !allowed.Contains(permission))
            {
                checks.Add($"{field}[{i}]", otherwise);
            }
        }

        return values is null ? null : [.. values.OfType<string>().Distinct().Order(StringComparer.Ordinal)];
    }

    public static string? ExternalId(this Checks checks, string? value)
    {
        if (value is not null && (value.Length is 0 or > ExternalIds.MaxLength || !Ascii.IsValid(value) || value.Any(char.IsControl)))
        {
            checks.Add("external_id", $"must be 1 to {ExternalIds.MaxLength} characters of ASCII.");
        }

        return value;
    }
}
