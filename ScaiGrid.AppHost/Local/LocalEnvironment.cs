using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace ScaiGrid.AppHost.Local;

/// <summary>The environment variables of each mode: ours, then the user's, without those that the mode does not need.</summary>
internal sealed class LocalEnvironment
{
    private const string DrainTimeoutVariable = "SCAIGRID_DRAIN_TIMEOUT_S";

    /// <summary>By default an orderly stop must fit into the five seconds that users wait.</summary>
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

            // The same as in the banner: links to media begin with it as well.
            Default(NeedVariables.PublicUrl, Url(ports[ModeGraph.Http]));
            Default(NeedVariables.RedirectUris, $"{api}/docs/");
        }

        // If set, it is meant for this process: each mode has its own port variable.
        _shared["ASPNETCORE_URLS"] = null;
    }

    public static bool UsesEmbeddedDatabase => !IsSet(NeedVariables.DatabaseUrl) && !IsSet(NeedVariables.DatabaseConnection);

    public static bool UsesEmbeddedRedis => !IsSet(NeedVariables.RedisUrl) && !IsSet(NeedVariables.RedisConnection);

    /// <summary>True unless a real provider is configured, or the environment is not Development.</summary>
    public static bool UsesDevIdentity =>
        !IsSet(NeedVariables.Issuer)
        && (UserValue("ASPNETCORE_ENVIRONMENT") ?? UserValue("DOTNET_ENVIRONMENT") ?? "Development").Equals("Development", StringComparison.OrdinalIgnoreCase);

    /// <summary>The servers of the local graph.</summary>
    public static IReadOnlyList<Mode> Servers => UsesDevIdentity ? [.. ModeGraph.Servers, ModeGraph.DevIdentity] : ModeGraph.Servers;

    public static string? UserValue(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>Loopback by default: trying the grid on a laptop must not expose it to networks.</summary>
    public static string ListenAddress => UserValue(NeedVariables.ListenAddress) ?? "localhost";

    /// <summary>How long a mode lets running requests finish; zero if the value is invalid, because the modes then refuse to start.</summary>
    public static TimeSpan DrainTimeout =>
        double.TryParse(UserValue(DrainTimeoutVariable) ?? DrainSeconds, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 1e6
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.Zero;

    /// <summary>The URL of one of our ports on this machine: on loopback, unless the user chose a specific address to listen on.</summary>
    public static string Url(int port)
    {
        var chosen = IPAddress.TryParse(ListenAddress, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any);
        return $"http://{new IPEndPoint(chosen ? address! : IPAddress.Loopback, port)}";
    }

    /// <summary>A client of the API. A proxy in the environment is not meant for this machine.</summary>
    public static HttpClient Client(int port, string key) => new(new SocketsHttpHandler { UseProxy = false })
    {
        BaseAddress = new Uri(Url(port)),
        Timeout = TimeSpan.FromSeconds(30),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
    };

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
