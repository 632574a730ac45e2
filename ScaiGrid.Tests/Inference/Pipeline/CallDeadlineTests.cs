using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Pipeline;
using Xunit;

namespace ScaiGrid.Tests.Inference.Pipeline;

public sealed class CallDeadlineTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void SlowCaller_IsNoSilenceOfTheUpstreams()
    {
        using var deadline = new CallDeadline(_time, Idle, Idle, TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        deadline.Pause();
        Pass(seconds: 30);

        // A read that was begun before the pause.
        deadline.Progress();
        Pass(seconds: 60);
        Assert.False(deadline.Token.IsCancellationRequested);
        deadline.Resume();
        Pass(seconds: 9);
        Assert.False(deadline.Token.IsCancellationRequested);
        Pass(seconds: 11);
        Assert.Equal((true, false), (deadline.Token.IsCancellationRequested, deadline.OverallTimeoutReached));
    }

    [Fact]
    public void SlowCaller_HasNoLongerThanTheWholeCall()
    {
        using var deadline = new CallDeadline(_time, Idle, Idle, TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        deadline.Pause();
        Pass(seconds: 301);
        Assert.Equal((true, true), (deadline.Token.IsCancellationRequested, deadline.OverallTimeoutReached));
    }

    [Fact]
    public void ShortSilence_EndsTheCall_HoweverLongTheStartMayTake()
    {
        using var deadline = new CallDeadline(_time, Idle * 6, Idle, TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        Pass(seconds: 40);
        Assert.False(deadline.Token.IsCancellationRequested);
        deadline.Progress();
        Pass(seconds: 9);
        Assert.False(deadline.Token.IsCancellationRequested);
        Pass(seconds: 2);
        Assert.Equal((true, false), (deadline.Token.IsCancellationRequested, deadline.OverallTimeoutReached));
    }

    private void Pass(int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
