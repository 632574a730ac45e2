using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Writes docs/configuration.md: the settings by their options classes, first those that most modes have.</summary>
internal static partial class ConfigurationPage
{
    private const string Head = """
        # Configuration

        Every setting is an environment variable; one that is not set, or is blank, has the default shown here. A mode that cannot start as
        configured lists all mistakes at once, each with its variable, and ends with exit code 78.

        - `SCAIGRID_MODE` picks the mode of the container image: `migrate`, `http`, `grpc`, `worker` or `bunker_proxy`. Without the image
          each mode is a program of its own, which does not read it.
        - As in any .NET host, `appsettings.json` in the working directory and, but for migrate, `--NAME=value` on the command line set the
          same names. `DOTNET_ENVIRONMENT` names the environment, which is Production unless set; `Logging__LogLevel__Default` the log level.
        - Telemetry is set up with OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_ENDPOINT` (without it nothing is sent),
          `OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES` and the rest.
        - With `SCAIGRID_EXIT_WITH_STDIN=true` a mode ends when its standard input does. The AppHost sets it, so that no mode outlives it.

        Times are in seconds, fractions allowed; lists are separated by commas; switches are `true` or `false`. Secrets are never logged:
        messages name their variable only. In embedded use the AppHost sets what has no default.

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

    /// <summary>The class's own documentation, which the build puts beside its assembly.</summary>
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
