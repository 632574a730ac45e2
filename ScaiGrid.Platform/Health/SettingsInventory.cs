using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Health;

/// <summary>Lists the settings that are set in this process, by name only, whether or not they are secret.</summary>
internal sealed class SettingsInventory(IServiceCollection services, IConfiguration configuration)
{
    public IReadOnlyList<string> NamesSet() =>
    [
        .. services
            .Where(service => !service.IsKeyedService)
            .Select(service => service.ImplementationInstance?.GetType())
            .OfType<Type>()
            .Distinct()
            .SelectMany(SettingsBinder.Settings)
            .Select(pair => pair.Setting)
            .Where(setting => setting.Aliases.Prepend(setting.Variable).Any(key => !string.IsNullOrWhiteSpace(configuration[key])))
            .Select(setting => setting.Variable)
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];
}
