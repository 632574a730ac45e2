using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace ScaiGrid.Core.Configuration;

/// <summary>
/// Binds an options class from the variables named by its <see cref="SettingAttribute"/>s and collects all mistakes, each with the
/// variable's name.
/// </summary>
/// <remarks>
/// Supported property types: <see cref="string"/>, <see cref="int"/>, <see cref="bool"/>, <see cref="TimeSpan"/> (whole or
/// fractional seconds), <see cref="Uri"/> and arrays of strings (comma separated).
/// </remarks>
public static class SettingsBinder
{
    public static T Bind<T>(IConfiguration configuration, ICollection<string> mistakes)
        where T : class, new()
    {
        var options = new T();
        var variables = new Dictionary<string, SettingAttribute>();
        foreach (var (property, setting) in Settings(typeof(T)))
        {
            variables[property.Name] = setting;
            if (Read(configuration, setting) is { } text)
            {
                Assign(options, property, setting, text, mistakes);
            }
        }

        var results = new List<ValidationResult>();
        Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true);

        // The validator calls IValidatableObject only if each property is valid by itself.
        if (results.Count > 0 && options is IValidatableObject whole)
        {
            results.AddRange(whole.Validate(new ValidationContext(options)));
        }

        foreach (var result in results)
        {
            var names = result.MemberNames.Select(name => variables.TryGetValue(name, out var setting) ? setting.Variable : name);
            mistakes.Add($"{string.Join(", ", names)}: {DurationRange(options, result) ?? result.ErrorMessage}");
        }

        return options;
    }

    /// <summary>The settings of an options class, in the order in which they are declared.</summary>
    public static IEnumerable<(PropertyInfo Property, SettingAttribute Setting)> Settings(Type type) =>
        from property in type.GetProperties()
        let setting = property.GetCustomAttribute<SettingAttribute>()
        where setting is not null
        select (property, setting);

    /// <summary>An error text with a duration's range in seconds, which is how it is configured; the attribute's own text has hh:mm:ss.</summary>
    private static string? DurationRange(object options, ValidationResult result)
    {
        if (result.MemberNames.ToArray() is not [var name]
            || options.GetType().GetProperty(name) is not { } property
            || property.GetCustomAttribute<RangeAttribute>() is not { } range
            || range.OperandType != typeof(TimeSpan)
            || range.IsValid(property.GetValue(options)))
        {
            return null;
        }

        return string.Create(CultureInfo.InvariantCulture, $"must be from {Seconds(range.Minimum)} to {Seconds(range.Maximum)} seconds.");

        // The attribute's bounds are strings until it has validated a value, and TimeSpans afterwards.
        static double Seconds(object bound) => (bound as TimeSpan? ?? TimeSpan.Parse((string)bound, CultureInfo.InvariantCulture)).TotalSeconds;
    }

    private static string? Read(IConfiguration configuration, SettingAttribute setting) =>
        setting.Aliases.Prepend(setting.Variable)
            .Select(key => configuration[key])
            .FirstOrDefault(value => !string.IsNullOrWhiteSpace(value))?.Trim();

    private static void Assign(object options, PropertyInfo property, SettingAttribute setting, string text, ICollection<string> mistakes)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var value = Parse(type, text);
        if (value is null)
        {
            var shown = setting.Secret ? "the value" : $"'{text}'";
            mistakes.Add($"{setting.Variable}: {shown} is not {Describe(type)}.");
            return;
        }

        property.SetValue(options, value);
    }

    private static object? Parse(Type type, string text) =>
        type == typeof(string) ? text
        : type == typeof(string[]) ? text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        : type == typeof(int) && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : type == typeof(long) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var large) ? large
        : type == typeof(bool) ? ParseBool(text)
        : type == typeof(TimeSpan) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && Math.Abs(seconds) < 1e9
            ? TimeSpan.FromSeconds(seconds)
        : type == typeof(Uri) && Uri.TryCreate(text, UriKind.Absolute, out var uri) ? uri
        : null;

    private static object? ParseBool(string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => null,
    };

    private static string Describe(Type type) =>
        type == typeof(int) || type == typeof(long) ? "a whole number"
        : type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a number of seconds"
        : type == typeof(Uri) ? "an absolute URL"
        : "valid";
}
