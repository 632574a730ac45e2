using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Modules;
using ScaiGrid.Modules.Bunker;

namespace ScaiGrid.Modules;

/// <summary>The list of all modules; every host takes its modules from here.</summary>
public static class AllModules
{
    /// <summary>Creates all built-in modules.</summary>
    public static IReadOnlyList<IModule> Create() => [new BunkerModule()];

    /// <summary>Creates the modules named by <c>SCAIGRID_MODULES</c>; an unknown name is a configuration mistake.</summary>
    public static IReadOnlyList<IModule> CreateSelected(IHostApplicationBuilder builder)
    {
        var all = Create();
        var selected = builder.AddSettings<ModuleSettings>().Modules;
        foreach (var unknown in selected.Except(all.Select(module => module.Manifest.Id)))
        {
            builder.AddSettingsMistake(
                $"{ModuleSettings.Variable}: there is no module '{unknown}'; the modules are {string.Join(", ", all.Select(module => module.Manifest.Id))}.");
        }

        return selected.Length == 0 ? all : [.. all.Where(module => selected.Contains(module.Manifest.Id))];
    }
}
