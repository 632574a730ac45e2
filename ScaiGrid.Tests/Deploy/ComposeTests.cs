using System.Reflection;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Deploy;

/// <summary>
/// The files of deploy/ agree with each other and with the settings of the programs. They are read as text, because no package of ours parses YAML.
/// </summary>
public sealed partial class ComposeTests
{
    /// <summary>Variables that are not settings of our programs, with the component that reads them.</summary>
    private static readonly Dictionary<string, string> NotSettings = new()
    {
        ["SCAIGRID_MODE"] = "entrypoint.sh",
        ["SCAIGRID_IMAGE"] = "the compose files",
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "OpenTelemetry",
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "OpenTelemetry",
        ["OTEL_EXPORTER_OTLP_HEADERS"] = "OpenTelemetry",
        ["OTEL_RESOURCE_ATTRIBUTES"] = "OpenTelemetry",
    };

    /// <summary>Documented settings of features that do not exist yet. Each name leaves this list with the feature that reads it.</summary>
    private static readonly string[] NotYet =
    [
        "SCAIGRID_WEAVIATE_URL", "SCAIGRID_WEAVIATE_API_KEY", "SCAIGRID_NEO4J_URL", "SCAIGRID_NEO4J_USER", "SCAIGRID_NEO4J_PASSWORD", "SCAIGRID_NEO4J_DATABASE",
        "SCAIGRID_SCAIMIND_GRPC_HOST", "SCAIGRID_SCAIMIND_GRPC_PORT", "SCAIGRID_SCAIMIND_GRPC_TIMEOUT_S", "SCAIGRID_SCAIMIND_GRPC_TLS_ENABLED",
    ];

    /// <summary>Documented settings that are not passed to the containers, with the reason.</summary>
    private static readonly Dictionary<string, string> NotForContainers = new()
    {
        ["SCAIGRID_LISTEN_ADDRESS"] = "a container is reached at all its addresses, or not at all",
        ["SCAIGRID_HTTP_PORT"] = "the compose files map it",
        ["SCAIGRID_GRPC_PORT"] = "the compose files map it",
        ["SCAIGRID_BUNKER_PROXY_PORT"] = "the compose files map it",
        ["SCAIGRID_WORKER_PORT"] = "health checks of the image ask there",
        ["SCAIGRID_DATA_DIR"] = "the image sets it to where the volume is",
        ["SCAIGRID_STORAGE_PATH"] = "blobs are in the S3 store, which all replicas see",
        ["SCAIGRID_AUTH_DISABLED"] = "it is refused in production",
    };

    public static TheoryData<string> ComposeFiles => ["docker-compose.yml", "docker-compose.full.yml"];

    private static IReadOnlySet<string> Settings { get; } = Directory.EnumerateFiles(AppContext.BaseDirectory, "ScaiGrid.*.dll")
        .Where(file => Path.GetFileName(file) != "ScaiGrid.Tests.dll")
        .SelectMany(file => Assembly.LoadFrom(file).GetTypes())
        .SelectMany(SettingsBinder.Settings)
        .SelectMany(setting => setting.Setting.Aliases.Prepend(setting.Setting.Variable))
        .ToHashSet();

    [Theory]
    [InlineData("docker-compose.yml")]
    [InlineData("docker-compose.full.yml")]
    [InlineData(".env.example")]
    public void EveryVariable_IsReadBySomebody(string file)
    {
        var unknown = OurVariables(Read(file)).Except(Settings).Except(NotSettings.Keys).Except(NotYet);

        Assert.Empty(unknown);
    }

    /// <summary>Otherwise a setting in .env would silently have no effect.</summary>
    [Theory]
    [MemberData(nameof(ComposeFiles))]
    public void EveryDocumentedSetting_ReachesTheContainers(string file)
    {
        var passed = OurVariables(Read(file)).ToHashSet();
        var documented = EnvironmentName().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"))).Select(match => match.Groups["name"].Value);
        var missing = documented.Where(name => !passed.Contains(name)).ToList();

        Assert.Equal(NotForContainers.Keys.Order(), missing.Order());
    }

    /// <summary>The file tested with Debian's nginx equals the file of the containers, except for the addresses of the replicas.</summary>
    [Fact]
    public void NginxUpstreams_AreTheSameByNameAndByAddress() =>
        Assert.Equal(Directives("nginx-upstreams.conf"), Directives("nginx-upstreams.docker.conf"));

    [Fact]
    public void NotYet_HoldsOnlyWhatIsMissing() => Assert.Empty(NotYet.Intersect(Settings));

    /// <summary>Every variable of .env.example reaches a container, and every variable that a compose file uses is explained there.</summary>
    [Fact]
    public void EnvExample_AndComposeFilesNameTheSameVariables()
    {
        var example = EnvironmentLine().Matches(Read(".env.example")).Select(match => match.Groups["name"].Value).ToHashSet();
        var used = ComposeFiles.SelectMany(file => FromEnvironment().Matches(Read(file.Data))).Select(match => match.Groups["name"].Value).ToHashSet();

        Assert.Empty(example.Except(used));
        Assert.Empty(used.Except(example));
    }

    /// <summary>No setting is lost when an operator changes from one compose file to the other.</summary>
    [Fact]
    public void BothComposeFiles_PassTheSameSettings() =>
        Assert.Equal(OurVariables(Read("docker-compose.yml")).Order(), OurVariables(Read("docker-compose.full.yml")).Order());

    [Theory]
    [MemberData(nameof(ComposeFiles))]
    public void ComposeFile_HasTheFiveModes_AndNothingDangling(string file)
    {
        var text = Read(file);
        Assert.DoesNotContain('\t', text);
        var modes = ModeLine().Matches(text).Select(match => match.Groups["mode"].Value);
        Assert.Equal(["bunker_proxy", "grpc", "http", "migrate", "worker"], modes.Order());

        var anchors = Anchor().Matches(text).Select(match => match.Groups["name"].Value).ToHashSet();
        Assert.Empty(Alias().Matches(text).Select(match => match.Groups["name"].Value).Except(anchors));

        // Entries indented by two spaces are services or volumes; those indented by six, below depends_on, refer to services.
        var services = Section(text, "services");
        Assert.Empty(Dependency().Matches(text).Select(match => match.Groups["name"].Value).Except(services));
        var volumes = NamedVolume().Matches(text).Select(match => match.Groups["name"].Value).Distinct();
        Assert.Equal(Section(text, "volumes").Order(), volumes.Order());
    }

    /// <summary>The proxy is exposed to the internet. An attacker who breaks into it must find neither the database nor the journals.</summary>
    [Theory]
    [MemberData(nameof(ComposeFiles))]
    public void BunkerProxy_IsGivenStorageOnly(string file)
    {
        var service = Regex.Match(Read(file), @"^  bunker_proxy:\n(?:    .*\n)+", RegexOptions.Multiline).Value;

        Assert.Contains("environment: {<<: *common, SCAIGRID_MODE: bunker_proxy}\n", service, StringComparison.Ordinal);
        Assert.Contains("    volumes: []\n", service, StringComparison.Ordinal);
    }

    /// <summary>Spec 13: the timeout of each layer is longer than that of the layer it waits for.</summary>
    [Fact]
    public void Patience_GrowsFromTheReplicaOutwards()
    {
        var stream = new InferenceOptions().StreamTimeout;
        var drain = new HostSettings().DrainTimeout;
        var nginx = NginxTimeout().Matches(Read("nginx.conf")).ToDictionary(match => match.Groups["name"].Value, match => Seconds(match.Groups["seconds"].Value));

        Assert.Equal(TimeSpan.FromSeconds(660), nginx["proxy_read_timeout"]);
        Assert.Equal(5, nginx.Count);
        Assert.All(nginx.Values, timeout => Assert.True(timeout > stream && timeout > drain, $"{timeout} is not more than {stream} and {drain}."));
        foreach (var file in ComposeFiles)
        {
            var graces = GracePeriod().Matches(ModePart(Read(file.Data))).Select(match => Seconds(match.Groups["seconds"].Value));
            Assert.All(graces, grace => Assert.True(grace > drain, $"{file.Data}: {grace} is not more than {drain}."));
            Assert.NotEmpty(graces);
        }
    }

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, "deploy", file));

    private static IEnumerable<string> OurVariables(string text) => OurVariable().Matches(text).Select(match => match.Value).Distinct();

    private static List<string> Section(string text, string name) =>
        [.. SectionEntry().Matches(Regex.Match(text, $@"^{name}:\n(?<body>(?:(?: .*|#.*)?\n)*)", RegexOptions.Multiline).Groups["body"].Value).Select(match => match.Groups["name"].Value)];

    private static string ModePart(string text) => Regex.Match(text, @"^x-mode:.*\n(?: .*\n)+", RegexOptions.Multiline).Value;

    private static TimeSpan Seconds(string digits) => TimeSpan.FromSeconds(int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture));

    private static IEnumerable<string> Directives(string file) => Read(file).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Where(line => !line.StartsWith('#') && !line.StartsWith("resolver ", StringComparison.Ordinal))
        .Select(line => Replica().Replace(line, "server any:$1").Replace(" resolve", "", StringComparison.Ordinal));

    [GeneratedRegex(@"^server [\w.]+:(\d+)")]
    private static partial Regex Replica();

    [GeneratedRegex(@"\b(?:SCAIGRID|DISPATCH|OTEL)_[A-Z0-9_]+\b")]
    private static partial Regex OurVariable();

    /// <summary>The first column of the tables in docs/configuration.md.</summary>
    [GeneratedRegex(@"^\| `(?<name>[A-Z][A-Z0-9_]+)` \|", RegexOptions.Multiline)]
    private static partial Regex EnvironmentName();

    [GeneratedRegex(@"^#?(?<name>[A-Z][A-Z0-9_]+)=", RegexOptions.Multiline)]
    private static partial Regex EnvironmentLine();

    /// <summary>A value from .env: a key without a value, or an expression.</summary>
    [GeneratedRegex(@"^ +(?<name>[A-Z][A-Z0-9_]+):$|(?<!\$)\$\{(?<name>[A-Z0-9_]+)", RegexOptions.Multiline)]
    private static partial Regex FromEnvironment();

    [GeneratedRegex(@"SCAIGRID_MODE: (?<mode>\w+)")]
    private static partial Regex ModeLine();

    [GeneratedRegex(@" &(?<name>[\w-]+)")]
    private static partial Regex Anchor();

    [GeneratedRegex(@"[ \[]\*(?<name>[\w-]+)")]
    private static partial Regex Alias();

    [GeneratedRegex(@"^ +(?<name>[a-z]\w*):\n +condition:", RegexOptions.Multiline)]
    private static partial Regex Dependency();

    [GeneratedRegex(@"(?<=[ ""])(?<name>[a-z]\w+-[a-z]+):/")]
    private static partial Regex NamedVolume();

    [GeneratedRegex(@"^  (?<name>[a-z][\w-]*):", RegexOptions.Multiline)]
    private static partial Regex SectionEntry();

    [GeneratedRegex(@"^ *(?<name>proxy_(?:read|send)_timeout|grpc_(?:read|send)_timeout|worker_shutdown_timeout) (?<seconds>\d+)s;", RegexOptions.Multiline)]
    private static partial Regex NginxTimeout();

    [GeneratedRegex(@"stop_grace_period: (?<seconds>\d+)s")]
    private static partial Regex GracePeriod();
}
