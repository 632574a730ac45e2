using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Pipeline;
using Xunit;

namespace ScaiGrid.Tests.Inference.Pipeline;

public sealed class CallActivityTests
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void SlowCaller_IsNoSilenceOfTheUpstreams()
    {
        using var activity = new CallActivity(_time, Idle, Idle, TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        activity.Pause();
        Pass(seconds: 60);
        Assert.False(activity.Token.IsCancellationRequested);
        activity.Progress();
        Pass(seconds: 9);
        Assert.False(activity.Token.IsCancellationRequested);
        Pass(seconds: 11);
        Assert.Equal((true, false), (activity.Token.IsCancellationRequested, activity.IsTooLong));
    }

    [Fact]
    public void SlowCaller_HasNoLongerThanTheWholeCall()
    {
        using var activity = new CallActivity(_time, Idle, Idle, TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        activity.Pause();
        Pass(seconds: 301);
        Assert.Equal((true, true), (activity.Token.IsCancellationRequested, activity.IsTooLong));
    }

    private void Pass(int seconds)
    {
        for (var second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }
}
