using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Writes docs/configuration.md: all settings, grouped by options class; classes that most modes use come first.</summary>
internal static partial class ConfigurationPage
{
    private const string Head = """
        # Configuration

        Every setting is an environment variable. If it is unset or blank, the default applies. A mode with an invalid configuration lists all
        mistakes at once, each with its variable, and ends with exit code 78.

        - `SCAIGRID_MODE` selects the mode of the container image: `migrate`, `http`, `grpc`, `worker` or `bunker_proxy`. Outside the image each
          mode is a separate program that ignores this variable.
        - As in every .NET host, `appsettings.json` in the working directory and (except for migrate) `--NAME=value` on the command line can set the
          same names. `DOTNET_ENVIRONMENT` is the environment, by default Production. `Logging__LogLevel__Default` is the log level.
        - Telemetry is configured by OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_ENDPOINT` (nothing is exported without it),
          `OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES` and others.
        - With `SCAIGRID_EXIT_WITH_STDIN=true` a mode ends when its standard input is closed. The AppHost sets it, so that its processes end with it.

        Times are in seconds, and fractions are allowed. Lists are separated by commas. Switches are `true` or `false`. Secrets are never logged:
        messages contain only the names of their variables. In embedded use the AppHost sets the required variables.

        This page is generated from the options classes: `UPDATE_GOLDEN=1 ./test --filter-class ScaiGrid.Tests.Architecture.GoldenTests`.

        """;

    public static string Write()
    {
        var page = new StringBuilder(Head);
        var groups = from options in SettingCatalogue.Options
                     let title = SuffixOfOptions().Replace(options.Name, "")
                     let modes = Hosts.ModesOf(options)
                     orderby modes.Count descending, SettingsBinder.Settings(options).Count() descending, title
                     select (options, title, modes);
        foreach (var (options, title, modes) in groups)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {title}\n\n{Summary(options)}\n\nModes: {string.Join(", ", modes)}.\n\n");
            page.Append("| variable | default | meaning |\n| --- | --- | --- |\n");
            var defaults = Activator.CreateInstance(options)!;
            foreach (var (property, setting) in SettingsBinder.Settings(options))
            {
                page.Append(CultureInfo.InvariantCulture, $"| `{setting.Variable}` | {Default(property, setting, defaults)} | {Meaning(property, setting)} |\n");
            }
        }

        return page.ToString().ReplaceLineEndings("\n");
    }

    private static string Default(PropertyInfo property, SettingAttribute setting, object defaults) => setting.DefaultText ?? property.GetValue(defaults) switch
    {
        null or string[] { Length: 0 } => "none",
        bool value => value ? "`true`" : "`false`",
        TimeSpan value => $"`{Seconds(value)}`",
        var value => string.Create(CultureInfo.InvariantCulture, $"`{value}`"),
    };

    private static string Meaning(PropertyInfo property, SettingAttribute setting)
    {
        var parts = new List<string> { setting.Description };
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            parts.Add($"From {Bound(range, range.Minimum)} to {Bound(range, range.Maximum)}.");
        }

        if (property.IsDefined(typeof(RequiredAttribute)))
        {
            parts.Add("Required.");
        }

        if (setting.Secret)
        {
            parts.Add("**Secret.**");
        }

        if (setting.Aliases.Length > 0)
        {
            parts.Add($"Also read from {string.Join(", ", setting.Aliases.Select(alias => $"`{alias.Replace(":", "__", StringComparison.Ordinal)}`"))}.");
        }

        return string.Join(' ', parts);
    }

    private static string Bound(RangeAttribute range, object bound) => range.OperandType == typeof(TimeSpan)
        ? Seconds(TimeSpan.Parse((string)bound, CultureInfo.InvariantCulture))
        : string.Create(CultureInfo.InvariantCulture, $"{bound}");

    private static string Seconds(TimeSpan value) => value.TotalSeconds.ToString(CultureInfo.InvariantCulture);

    /// <summary>The summary of the class, from the XML documentation file that the build writes next to the assembly.</summary>
    private static string Summary(Type type)
    {
        var path = Path.Combine(AppContext.BaseDirectory, $"{type.Assembly.GetName().Name}.xml");
        var member = XDocument.Load(path).Descendants("member").Single(element => (string?)element.Attribute("name") == $"T:{type.FullName}");
        return Spaces().Replace(member.Element("summary")!.Value, " ").Trim();
    }

    [GeneratedRegex("(Options|Settings)$")]
    private static partial Regex SuffixOfOptions();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
