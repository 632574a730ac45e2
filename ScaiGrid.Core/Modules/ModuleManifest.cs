namespace ScaiGrid.Core.Modules;

/// <summary>A module's description.</summary>
/// <param name="Id">Lower case, for example <c>scaibunker</c>: route, table, permission, metric and settings prefix.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Version">Semantic version of the module.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Permissions">Keys that start with <c>{Id}:</c>.</param>
public sealed record ModuleManifest(string Id, string DisplayName, string Version, string Description, IReadOnlyList<ModulePermission> Permissions);

/// <summary>A permission that a module declares. Tenant, partner and super admins have it while the module is active.</summary>
/// <param name="Key"><c>{module}:{verb}</c> or <c>{module}:{resource}:{verb}</c>.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Description">One sentence.</param>
/// <param name="ForViewers">Whether <see cref="Identity.Roles.TenantViewer"/> has it as well.</param>
public sealed record ModulePermission(string Key, string DisplayName, string Description, bool ForViewers = false);
