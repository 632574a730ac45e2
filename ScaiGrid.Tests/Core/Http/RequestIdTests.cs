using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using Xunit;

namespace ScaiGrid.Tests.Core.Http;

public sealed class RequestIdTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("trace-1.A_b")]
    [InlineData("0123456789abcdef0123456789abcdef")]
    public void WellFormed_IsKept(string id) => Assert.True(RequestId.IsWellFormed(id));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" a")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    [InlineData("\"a\"")]
    [InlineData("ä")]
    public void OtherCharacters_AreNot(string? id) => Assert.False(RequestId.IsWellFormed(id));

    [Fact]
    public void Length_IsBounded()
    {
        Assert.True(RequestId.IsWellFormed(new string('a', 128)));
        Assert.False(RequestId.IsWellFormed(new string('a', 129)));
    }

    [Fact]
    public void OurOwn_AreWellFormed() => Assert.True(RequestId.IsWellFormed(Ids.New(Ids.Request, TimeProvider.System)));
}
