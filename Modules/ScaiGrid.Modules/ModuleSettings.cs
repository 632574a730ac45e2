using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Modules;

/// <summary>The modules that a process loads.</summary>
public sealed class ModuleSettings
{
    internal const string Variable = "SCAIGRID_MODULES";

    [Setting(Variable, "List of the modules to load.", DefaultText = "all that are built in")]
    public string[] Modules { get; set; } = [];
}
