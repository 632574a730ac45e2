using System.Globalization;
using System.Net;
using System.Security.Cryptography;

namespace ScaiGrid.AppHost.Local;

/// <summary>The variables that each mode is started with: ours, then what the user set, less what the mode does not need.</summary>
internal sealed class LocalEnvironment
{
    private const string DrainTimeoutVariable = "SCAIGRID_DRAIN_TIMEOUT_S";

    /// <summary>Unless the user asks for more, a stop in order must fit into the five seconds that the user waits.</summary>
    private const string DrainSeconds = "0.5";

    private readonly Dictionary<string, string?> _shared = [];

    public LocalEnvironment(DataDirectory data, Secrets secrets, Ports ports, string? redisUrl)
    {
        _shared[NeedVariables.DataDirectory] = data.Path;
        _shared[NeedVariables.BootstrapApiKey] = secrets.BootstrapApiKey;
        Default(NeedVariables.SecretKey, secrets.SecretKey);
        Default(NeedVariables.CapabilityKey, secrets.CapabilityKey);
        Default(DrainTimeoutVariable, DrainSeconds);
        _shared[NeedVariables.ListenAddress] = ListenAddress;
        _shared["SCAIGRID_EXIT_WITH_STDIN"] = "true";
        foreach (var mode in Servers)
        {
            _shared[mode.Port!.Variable] = ports[mode].ToString(CultureInfo.InvariantCulture);
        }

        if (UsesEmbeddedDatabase)
        {
            var path = data.In("scaigrid.db").Replace('\\', '/').TrimStart('/');
            _shared[NeedVariables.DatabaseUrl] = "sqlite:///" + string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
        }

        if (redisUrl is not null)
        {
            _shared[NeedVariables.RedisUrl] = redisUrl;
        }

        Default(NeedVariables.StoragePath, data.In("blobs"));
        if (!IsSet("ASPNETCORE_ENVIRONMENT"))
        {
            Default("DOTNET_ENVIRONMENT", "Development");
        }

        if (UsesDevIdentity)
        {
            var api = $"http://localhost:{ports[ModeGraph.Http]}";
            _shared[NeedVariables.Issuer] = $"http://localhost:{ports[ModeGraph.DevIdentity]}";
            Default(NeedVariables.ClientId, "scaigrid");
            Default(NeedVariables.ClientSecret, RandomNumberGenerator.GetHexString(64));
            Default(NeedVariables.Audience, "scaigrid-api");

            // As the banner has it: links to media begin with it too.
            Default(NeedVariables.PublicUrl, Url(ports[ModeGraph.Http]));
            Default(NeedVariables.RedirectUris, $"{api}/docs");
        }

        // Meant for this process, if for anyone: each mode has its own port variable.
        _shared["ASPNETCORE_URLS"] = null;
    }

    public static bool UsesEmbeddedDatabase => !IsSet(NeedVariables.DatabaseUrl) && !IsSet(NeedVariables.DatabaseConnection);

    public static bool UsesEmbeddedRedis => !IsSet(NeedVariables.RedisUrl) && !IsSet(NeedVariables.RedisConnection);

    /// <summary>Unless a real provider is set, or another environment than the one in which anybody may be anybody.</summary>
    public static bool UsesDevIdentity =>
        !IsSet(NeedVariables.Issuer)
        && (UserValue("ASPNETCORE_ENVIRONMENT") ?? UserValue("DOTNET_ENVIRONMENT") ?? "Development").Equals("Development", StringComparison.OrdinalIgnoreCase);

    /// <summary>What the local graph runs.</summary>
    public static IReadOnlyList<Mode> Servers => UsesDevIdentity ? [.. ModeGraph.Servers, ModeGraph.DevIdentity] : ModeGraph.Servers;

    public static string? UserValue(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>Whoever tries the grid on a laptop has not asked to serve the networks that the laptop is in.</summary>
    public static string ListenAddress => UserValue(NeedVariables.ListenAddress) ?? "localhost";

    /// <summary>How long a mode lets running requests finish; none with a value that is no number, as the modes refuse to start with it.</summary>
    public static TimeSpan DrainTimeout =>
        double.TryParse(UserValue(DrainTimeoutVariable) ?? DrainSeconds, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1e6
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.Zero;

    /// <summary>Where a port of ours is reached from this machine: on loopback, unless the user chose another address to listen on.</summary>
    public static string Url(int port)
    {
        var chosen = IPAddress.TryParse(ListenAddress, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any);
        return $"http://{new IPEndPoint(chosen ? address! : IPAddress.Loopback, port)}";
    }

    public void ApplyTo(IDictionary<string, string?> environment, Mode mode)
    {
        foreach (var (name, value) in _shared)
        {
            if (value is null)
            {
                environment.Remove(name);
            }
            else
            {
                environment[name] = value;
            }
        }

        foreach (var name in NeedVariables.Secret.Where(secret => !mode.Requires(secret.Need)).SelectMany(secret => secret.Names))
        {
            environment.Remove(name);
        }
    }

    private static bool IsSet(string name) => UserValue(name) is not null;

    private void Default(string name, string value) => _shared[name] = UserValue(name) ?? value;
}
