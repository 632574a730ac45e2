using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using Xunit;

namespace ScaiGrid.Tests.Core.Configuration;

public sealed class SettingsTests
{
    [Fact]
    public void EveryType_IsRead()
    {
        var sample = Bind(
            out var mistakes,
            ("T_TEXT", " a b "), ("T_COUNT", "-7"), ("T_SWITCH", "Yes"), ("T_WAIT_S", "1.5"), ("T_URL", "https://example.com/x"), ("T_LIST", "a, b ,,c"), ("T_LIMIT", "3"));

        Assert.Empty(mistakes);
        Assert.Equal(("a b", -7, true, TimeSpan.FromSeconds(1.5)), (sample.Text, sample.Count, sample.Switch, sample.Wait));
        Assert.Equal(new Uri("https://example.com/x"), sample.Url);
        Assert.Equal(["a", "b", "c"], sample.List);
        Assert.Equal(3, sample.Limit);
    }

    [Theory]
    [InlineData("true", true)]
    [InlineData("1", true)]
    [InlineData("ON", true)]
    [InlineData("no", false)]
    [InlineData("0", false)]
    [InlineData("Off", false)]
    public void Switches_HaveSeveralSpellings(string text, bool expected) => Assert.Equal(expected, Bind(out _, ("T_SWITCH", text)).Switch);

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    public void BlankVariable_IsNotSet(string text)
    {
        var sample = Bind(out var mistakes, ("T_TEXT", text), ("T_COUNT", text));

        Assert.Empty(mistakes);
        Assert.Equal(("default", 5), (sample.Text, sample.Count));
    }

    [Fact]
    public void Alias_CountsWhereTheVariableIsNotSet()
    {
        Assert.Equal("alias", Bind(out _, ("Old:Text", "alias")).Text);
        Assert.Equal("own", Bind(out _, ("Old:Text", "alias"), ("T_TEXT", "own")).Text);
        Assert.Equal("alias", Bind(out _, ("Old:Text", "alias"), ("T_TEXT", " ")).Text);
    }

    [Fact]
    public void EveryMistake_IsNamedByItsVariable()
    {
        Bind(
            out var mistakes,
            ("T_COUNT", "many"), ("T_SWITCH", "maybe"), ("T_WAIT_S", "1 minute"), ("T_URL", "example"), ("T_LIMIT", "99"), ("T_FAR_S", "1e12"));

        Assert.Equal(
            [
                "T_COUNT: 'many' is not a whole number.",
                "T_FAR_S: '1e12' is not a number of seconds.",
                "T_LIMIT: The field Limit must be between 1 and 9.",
                "T_SWITCH: 'maybe' is not true or false.",
                "T_URL: 'example' is not an absolute URL.",
                "T_WAIT_S: '1 minute' is not a number of seconds.",
            ],
            mistakes.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void MistakeOfAProperty_DoesNotHideThoseOfTheWholeClass()
    {
        var mistakes = MistakesOf(builder => builder.AddSettings<DatabaseOptions>(), ("SCAIGRID_DATABASE_URL", "postgres://x"), ("SCAIGRID_DATABASE_POOL_SIZE", "1"));

        Assert.Contains("SCAIGRID_DATABASE_POOL_SIZE: ", mistakes, StringComparison.Ordinal);
        Assert.Contains("SCAIGRID_DATABASE_URL: ", mistakes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.5")]
    [InlineData("601")]
    public void DurationOutOfRange_IsSaidInSeconds(string text)
    {
        var mistakes = MistakesOf(
            builder => builder.AddSettings<DatabaseOptions>(), ("SCAIGRID_DATABASE_URL", "sqlite:///x.db"), ("SCAIGRID_DATABASE_TIMEOUT_S", text));

        Assert.Contains("SCAIGRID_DATABASE_TIMEOUT_S: must be from 1 to 600 seconds.", mistakes, StringComparison.Ordinal);
    }

    [Fact]
    public void Secret_IsNotPrinted()
    {
        Bind(out var mistakes, ("T_SECRET", "hunter2"));

        Assert.Equal(["T_SECRET: the value is not a whole number."], mistakes);
    }

    [Fact]
    public void MistakesOfAllClasses_AreOneMessage()
    {
        var message = MistakesOf(
            builder =>
            {
                builder.AddSettings<Sample>();
                builder.AddSettings<DatabaseOptions>();
                builder.AddSettingsMistake("T_OTHER: is wrong in a way that only the host knows.");
            },
            ("T_COUNT", "many"));

        Assert.Equal(
            string.Join(
                Environment.NewLine,
                "The configuration is wrong:",
                "  - T_COUNT: 'many' is not a whole number.",
                "  - SCAIGRID_DATABASE_URL: set the database's address, for example mysql://user:password@host:3306/scaigrid or sqlite:///var/lib/scaigrid/scaigrid.db.",
                "  - T_OTHER: is wrong in a way that only the host knows."),
            message);
    }

    [Fact]
    public void AddedTwice_IsBoundOnce()
    {
        var builder = Builder([("T_COUNT", "many")]);

        Assert.Same(builder.AddSettings<Sample>(), builder.AddSettings<Sample>());
        Assert.Single(builder.Services, service => service.ServiceType == typeof(Sample));
        Assert.Single(Assert.Throws<SettingsException>(builder.CheckSettings).Message.Split("T_COUNT").Skip(1));
    }

    [Fact]
    public void NoMistake_PassesTheCheck()
    {
        var builder = Builder([]);
        builder.AddSettings<Sample>();
        builder.CheckSettings();
    }

    private static Sample Bind(out List<string> mistakes, params (string Name, string Value)[] settings)
    {
        mistakes = [];
        return SettingsBinder.Bind<Sample>(Builder(settings).Configuration, mistakes);
    }

    private static string MistakesOf(Action<HostApplicationBuilder> configure, params (string Name, string Value)[] settings)
    {
        var builder = Builder(settings);
        configure(builder);
        return Assert.Throws<SettingsException>(builder.CheckSettings).Message;
    }

    private static HostApplicationBuilder Builder((string Name, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Name, setting => (string?)setting.Value));
        return builder;
    }

    private sealed class Sample
    {
        [Setting("T_TEXT", "Text.", Aliases = ["Old:Text"])]
        public string Text { get; set; } = "default";

        [Setting("T_COUNT", "A number.")]
        public int Count { get; set; } = 5;

        [Setting("T_SECRET", "A number that nobody may see.", Secret = true)]
        public int Secret { get; set; }

        [Setting("T_LIMIT", "A number with bounds.")]
        [Range(1, 9)]
        public int? Limit { get; set; }

        [Setting("T_SWITCH", "A switch.")]
        public bool Switch { get; set; }

        [Setting("T_WAIT_S", "A time.")]
        public TimeSpan Wait { get; set; }

        [Setting("T_FAR_S", "A time.")]
        public TimeSpan Far { get; set; }

        [Setting("T_URL", "An address.")]
        public Uri? Url { get; set; }

        [Setting("T_LIST", "A list.")]
        public string[] List { get; set; } = [];
    }
}
