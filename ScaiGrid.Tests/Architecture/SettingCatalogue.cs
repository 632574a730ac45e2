using System.Reflection;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Tests.Architecture;

/// <summary>All settings of all options classes.</summary>
internal static class SettingCatalogue
{
    public static IReadOnlyList<Type> Options { get; } = [.. Product.Types.Where(type => SettingsBinder.Settings(type).Any())];

    public static IReadOnlyList<(PropertyInfo Property, SettingAttribute Setting)> All { get; } = [.. Options.SelectMany(SettingsBinder.Settings)];
}
