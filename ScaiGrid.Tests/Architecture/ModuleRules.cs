using System.Text.RegularExpressions;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Modules;
using ScaiGrid.Modules;
using ScaiGrid.Platform.Scheduling;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Everything that belongs to a module carries the module's id.</summary>
public sealed partial class ModuleRules
{
    private static readonly IReadOnlyList<IModule> Modules = AllModules.Create();

    [Fact]
    public void EveryModule_IsInTheOneList() => Assert.Equal(
        Product.Types.Where(type => type.IsAssignableTo(typeof(IModule)) && type.IsClass && !type.IsAbstract).OrderBy(type => type.FullName),
        Modules.Select(module => module.GetType()).OrderBy(type => type.FullName));

    [Fact]
    public void Ids_AreOneWord_AndUnique()
    {
        Assert.All(Modules, module => Assert.Matches(Word(), module.Manifest.Id));
        Assert.Equal(Modules.Count, Modules.Select(module => module.Manifest.Id).Distinct().Count());
    }

    [Fact]
    public void Manifests_SayWhatTheModuleIs() => Assert.All(Modules, module =>
    {
        Assert.NotEmpty(module.Manifest.DisplayName);
        Assert.EndsWith(".", module.Manifest.Description, StringComparison.Ordinal);
        Assert.True(Version.TryParse(module.Manifest.Version, out _), module.Manifest.Version);
    });

    [Fact]
    public void PermissionsOfAModule_StartWithItsId() => Breaches.None(
        from module in Modules
        from permission in module.Manifest.Permissions
        where !permission.Key.StartsWith(module.Manifest.Id + ":", StringComparison.Ordinal) || !PermissionShape().IsMatch(permission.Key)
        select permission.Key);

    [Fact]
    public void PermissionsOfTheCore_HaveTheirShape_AndNoModulesPrefix()
    {
        var declared = typeof(Permissions).GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!).ToList();

        Assert.Equal(declared.Order(), Permissions.All.Order());
        Assert.All(declared, permission => Assert.Matches(PermissionShape(), permission));
        Breaches.None(declared.Select(permission => permission.Split(':')[0]).Intersect(Modules.Select(module => module.Manifest.Id)));
    }

    [Fact]
    public void Roles_HoldKnownPermissions_AndTheSuperAdminAll()
    {
        Breaches.None(Roles.Holds.Values.SelectMany(permissions => permissions).Except(Permissions.All));
        Assert.Equal(Permissions.All.Order(), Roles.Holds[Roles.SuperAdmin].Order());
    }

    /// <summary>Hosted services belong in AddWorkerServices: with AddServices every replica of http would run them too.</summary>
    [Fact]
    public void AddServices_StartsNothing() => Assert.All(Modules, module =>
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var before = HostedServices(builder);
        module.AddServices(builder);
        Assert.Equal(before, HostedServices(builder));
    });

    [Fact]
    public void ScheduledTasks_HaveTheirOwnersName_AndABound()
    {
        var tasks = PlatformTasks.All(Hosts.CreateBuilder("worker")).Select(task => (Owner: "", Task: task))
            .Concat(Modules.SelectMany(module => module.ScheduledTasks.Select(task => (Owner: module.Manifest.Id + ".", Task: task)))).ToList();

        Assert.All(tasks, entry =>
        {
            Assert.StartsWith(entry.Owner, entry.Task.Name, StringComparison.Ordinal);
            Assert.Matches(TaskShape(), entry.Task.Name);
            Assert.InRange(entry.Task.Timeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        });
        Assert.Equal(tasks.Count, tasks.Select(entry => entry.Task.Name).Distinct().Count());
    }

    private static int HostedServices(HostApplicationBuilder builder) => builder.Services.Count(service => service.ServiceType == typeof(IHostedService));

    [GeneratedRegex("^[a-z][a-z0-9]*$")]
    private static partial Regex Word();

    [GeneratedRegex("^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*){1,2}$")]
    private static partial Regex PermissionShape();

    [GeneratedRegex(@"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    private static partial Regex TaskShape();
}
