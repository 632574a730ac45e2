using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Upstreams that break the rules of connections that are kept: many callers at once, so that connections go from one call straight to the next.</summary>
public sealed class KeptConnectionTests(Grid grid) : GridTest(grid)
{
    private const int Callers = 24;
    private const int CallsEach = 2000;

    [Fact]
    public async Task UpstreamThatClosesBehindEachAnswer_CostsNoCall()
    {
        await using var upstream = new RawUpstream { ClosesSilently = true };
        await CallAsync(upstream);
        Assert.Equal(Callers * CallsEach, upstream.Answered);
        Assert.InRange(upstream.Accepted, Callers * CallsEach, int.MaxValue);
    }

    [Fact]
    public async Task UpstreamThatSaysMoreThanItsAnswer_IsNotTakenForAnotherCallsAnswer()
    {
        await using var upstream = new RawUpstream { Unasked = "somebody else's answer" };
        await CallAsync(upstream);
        Assert.Equal(Callers * CallsEach, upstream.Answered);
    }

    private async Task CallAsync(RawUpstream upstream)
    {
        var model = await RoutedModel.CreateAsync(Admin, [new(upstream.BaseUrl, "m")]);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var i = 0; i < CallsEach; i++)
            {
                var answer = await Admin.ChatAsync(model.Slug, $"call {caller}-{i}");
                Assert.Equal($"call {caller}-{i}", (string?)answer.Ok()["choices"]![0]!["message"]!["content"]);
            }
        }));
    }
}
