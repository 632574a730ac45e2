namespace ScaiGrid.Core.Configuration;

/// <summary>
/// Ties an options property to the environment variable that is its public name. The reference page
/// docs/configuration.md is generated from these attributes.
/// </summary>
/// <param name="variable">The variable, for example <c>SCAIGRID_DATABASE_URL</c>.</param>
/// <param name="description">One sentence for the reference page.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string variable, string description) : Attribute
{
    public string Variable { get; } = variable;

    public string Description { get; } = description;

    /// <summary>Other configuration keys that are read when <see cref="Variable"/> is not set, in order.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>A secret is never printed: error messages name the variable and leave the value out.</summary>
    public bool Secret { get; init; }

    /// <summary>The default shown on the reference page, if the property's initial value does not explain itself.</summary>
    public string? DefaultText { get; init; }
}
