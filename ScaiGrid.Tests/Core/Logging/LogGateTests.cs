using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core.Logging;
using Xunit;

namespace ScaiGrid.Tests.Core.Logging;

public sealed class LogGateTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly LogGate<string> _gate;

    public LogGateTests() => _gate = new LogGate<string>(_time);

    [Fact]
    public void Trouble_IsSaidAtOnce_ThenOnceAMinuteWithItsNumber()
    {
        Assert.Equal((true, 1), Ask("a"));
        for (var second = 1; second < 60; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal((false, second), Ask("a"));
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((true, 60), Ask("a"));
        Assert.Equal((false, 1), Ask("a"));
    }

    [Fact]
    public void AnotherKind_IsSaidAtOnce_AndCountsByItself()
    {
        Assert.Equal((true, 1), Ask("a"));
        Assert.Equal((false, 1), Ask("a"));
        Assert.Equal((true, 1), Ask("b"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((true, 2), Ask("a"));
        Assert.Equal((true, 1), Ask("b"));
    }

    private (bool MayPass, int Count) Ask(string kind) => (_gate.MayPass(kind, out var count), count);
}
