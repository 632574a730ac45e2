#if ASPIRE
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using ScaiGrid.AppHost.Local;

namespace ScaiGrid.AppHost;

/// <summary>
/// Our own secrets as parameters. In local runs they come from secrets.json in the data directory, as with --local; in published manifests they are
/// left open for the person who deploys.
/// </summary>
internal sealed class AspireKeys
{
    private readonly List<(Needs Need, string Variable, IResourceBuilder<ParameterResource> Parameter)> _keys = [];

    public AspireKeys(IDistributedApplicationBuilder builder)
    {
        var secrets = builder.ExecutionContext.IsRunMode ? Load() : null;
        Add(Needs.SecretKey, NeedVariables.SecretKey, "secret-key", secrets?.SecretKey);
        Add(Needs.CapabilityKey, NeedVariables.CapabilityKey, "storage-capability-key", secrets?.CapabilityKey);
        Add(Needs.BootstrapKey, NeedVariables.BootstrapApiKey, "bootstrap-api-key", secrets?.BootstrapApiKey);

        void Add(Needs need, string variable, string name, string? value) => _keys.Add((
            need, variable, value is null ? builder.AddParameter(name, secret: true) : builder.AddParameter(name, value, secret: true)));
    }

    public void GiveTo(IResourceBuilder<ProjectResource> project, Mode mode)
    {
        foreach (var (_, variable, parameter) in _keys.Where(key => mode.Requires(key.Need)))
        {
            project.WithEnvironment(variable, parameter);
        }
    }

    private static Secrets Load()
    {
        using var data = DataDirectory.Open();

        // The database will be created with this key; a key given later must not replace it.
        var secrets = BootstrapKey.Settle(data, Lines.OfConsole()) with { Bootstrapped = true };
        secrets.Write(data.SecretsFile);
        data.MarkClean();
        return secrets with
        {
            SecretKey = LocalEnvironment.UserValue(NeedVariables.SecretKey) ?? secrets.SecretKey,
            CapabilityKey = LocalEnvironment.UserValue(NeedVariables.CapabilityKey) ?? secrets.CapabilityKey,
        };
    }
}
#endif
