using Xunit;

namespace ScaiGrid.Tests.Support;

public sealed class FreePortTests
{
    [Fact]
    public void Port_IsGivenOnce_HoweverManyThereWere()
    {
        const int Many = 1200;
        Assert.Equal(Many, Enumerable.Range(0, Many).Select(_ => FreePort.Next()).Distinct().Count());
    }
}
