using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core;
using Xunit;

namespace ScaiGrid.Tests.Core;

public sealed class IdsTests
{
    private static readonly string[] Prefixes =
        [.. typeof(Ids).GetFields().Where(field => field.IsLiteral && field.FieldType == typeof(string)).Select(field => (string)field.GetRawConstantValue()!)];

    [Fact]
    public void Prefixes_AreUnique_AndFitTheColumn()
    {
        Assert.Equal(Prefixes.Length, Prefixes.Distinct().Count());
        Assert.All(Prefixes, prefix => Assert.Matches($"^{prefix}_[0-9A-HJKMNP-TV-Z]{{26}}$", Ids.New(prefix, TimeProvider.System)));
        Assert.All(Prefixes, prefix => Assert.InRange(Ids.New(prefix, TimeProvider.System).Length, 1, Ids.MaxLength));
    }

    [Fact]
    public void Ids_SortByTime()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        var ids = new List<string>();
        for (var i = 0; i < 100; i++)
        {
            ids.Add(Ids.New(Ids.Usage, time));
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
    }

    [Fact]
    public void IdsOfOneMoment_Differ()
    {
        var time = new FakeTimeProvider();

        Assert.Equal(10_000, Enumerable.Range(0, 10_000).Select(_ => Ids.New(Ids.Request, time)).Distinct().Count());
    }
}
