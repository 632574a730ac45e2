using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Health;

public sealed class BackendHealthTests
{
    private static readonly UpstreamError Broken = new(UpstreamFailure.ServerError);

    private readonly FakeTimeProvider _time = new();
    private readonly BackendHealth _health;
    private int _changes;

    public BackendHealthTests() => _health = new BackendHealth("be_test", _time, _ => _changes++);

    [Fact]
    public void FiveFailuresInARow_Open_AndASuccessBetweenStartsAnew()
    {
        Fail(4);
        Succeed(1);
        Fail(4);
        Assert.Equal(CircuitState.Closed, _health.State());
        Fail(1);
        Assert.Equal(CircuitState.Open, _health.State());
        Assert.False(_health.TryEnter(out _));
        Assert.Equal(BackendHealth.FirstPause, _health.Pause());
        Assert.Equal(1, _changes);
    }

    [Fact]
    public void HalfOfTwentyCalls_Open_AndFewerCallsDoNot()
    {
        // Alternating, so that five consecutive failures are not the reason.
        for (var i = 0; i < 9; i++)
        {
            Succeed(1);
            Fail(1);
        }

        Succeed(1);
        Assert.Equal(CircuitState.Closed, _health.State());
        Fail(1);
        Assert.Equal(CircuitState.Open, _health.State());
    }

    [Fact]
    public void LessThanHalf_StaysClosed()
    {
        for (var i = 0; i < 50; i++)
        {
            Succeed(2);
            Fail(1);
        }

        Assert.Equal(CircuitState.Closed, _health.State());
        Assert.Equal((150, 50), _health.Recent());
    }

    [Fact]
    public void FailuresOfLongAgo_AreForgotten()
    {
        for (var i = 0; i < 4; i++)
        {
            Fail(2);
            Succeed(1);
            Fail(1);
            Succeed(1);
        }

        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.Equal((0, 0), _health.Recent());
        Succeed(1);
        Fail(1);
        Assert.Equal((2, 1), _health.Recent());
        Assert.Equal(CircuitState.Closed, _health.State());
    }

    [Fact]
    public void HalfOpen_LetsOneTrialPass_WhichClosesOrDoubles()
    {
        Fail(5);
        foreach (var seconds in (int[])[15, 30, 60, 120, 240, 300, 300])
        {
            _time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.False(_health.TryEnter(out _));
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(CircuitState.HalfOpen, _health.State());
            Assert.True(_health.TryEnter(out var isTrial));
            Assert.True(isTrial);
            Assert.False(_health.TryEnter(out _));
            _health.Leave();
            _health.Failed(isTrial, Broken);
        }

        _time.Advance(TimeSpan.FromSeconds(300));
        Assert.True(_health.TryEnter(out _));
        _health.Succeeded(isTrial: true, TimeSpan.FromMilliseconds(5), isStream: false);
        Assert.Equal(CircuitState.Closed, _health.State());
        Fail(4);
        Assert.Equal(CircuitState.Closed, _health.State());
    }

    [Fact]
    public void TrialOfACallerWhoLeft_IsGivenToTheNext_AndALostOneRunsOut()
    {
        Fail(5);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(_health.TryEnter(out _));
        _health.Abandoned(isTrial: true);
        Assert.True(_health.TryEnter(out _));

        // Callers meanwhile are not told to wait until the trial counts as lost, and one that times out after 2 minutes has not.
        Assert.InRange(_health.Pause(), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.False(_health.TryEnter(out _));
        _time.Advance(TimeSpan.FromMinutes(3));
        Assert.True(_health.TryEnter(out _));
    }

    [Fact]
    public void TrialThatWasNeverSent_IsGivenToTheNext()
    {
        Fail(5);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(_health.TryEnter(out _));
        _health.Failed(isTrial: true, UpstreamError.Unsupported("n", "is more than 1."));
        Assert.NotEqual(CircuitState.Closed, _health.State());
        Assert.True(_health.TryEnter(out var isTrial));
        Assert.True(isTrial);
    }

    [Fact]
    public void TrialThatTheUpstreamItselfRefused_Closes()
    {
        Fail(5);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(_health.TryEnter(out _));
        _health.Failed(isTrial: true, new UpstreamError(UpstreamFailure.Unsupported, "The schema is too large.", Status: 400));
        Assert.Equal(CircuitState.Closed, _health.State());
    }

    [Fact]
    public void ConversationsThatAModelMakesNothingOf_OpenNothing_AndEndNoTrial()
    {
        var failed = new UpstreamError(UpstreamFailure.ModelFailed);
        Assert.True(failed.MayFailOver);
        for (var i = 0; i < 40; i++)
        {
            _health.Failed(isTrial: false, failed);
        }

        Assert.Equal((0, 0), _health.Recent());
        Assert.Equal(CircuitState.Closed, _health.State());
        Fail(5);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.True(_health.TryEnter(out _));
        _health.Failed(isTrial: true, failed);
        Assert.NotEqual(CircuitState.Closed, _health.State());
        Assert.True(_health.TryEnter(out var isTrial));
        Assert.True(isTrial);
    }

    [Fact]
    public void CallsThatBeganBeforeItOpened_NeitherCloseNorDouble()
    {
        Fail(5);
        Succeed(1);
        Fail(10);
        Assert.Equal(CircuitState.Open, _health.State());
        Assert.Equal(1, _health.Circuit.Openings);
    }

    [Theory]
    [InlineData(UpstreamFailure.RateLimited, 40, 40)]
    [InlineData(UpstreamFailure.RateLimited, 3000, 300)]
    [InlineData(UpstreamFailure.ServerError, 7, 7)]
    public void RetryAfter_IsHonouredAtOnce_WithinBounds(UpstreamFailure failure, int asked, int pause)
    {
        _health.Failed(isTrial: false, new UpstreamError(failure, RetryAfterSeconds: asked));
        Assert.Equal(CircuitState.Open, _health.State());
        Assert.Equal(TimeSpan.FromSeconds(pause), _health.Pause());
        Assert.True(_health.Circuit.IsPauseGiven);
    }

    [Fact]
    public void PausesThatWereGiven_DoNotDoubleTheNext()
    {
        for (var i = 0; i < 4; i++)
        {
            _health.Failed(isTrial: i > 0, new UpstreamError(UpstreamFailure.RateLimited, RetryAfterSeconds: 60));
            _time.Advance(TimeSpan.FromSeconds(60));
            Assert.True(_health.TryEnter(out _));
        }

        _health.Failed(isTrial: true, Broken);
        Assert.Equal(BackendHealth.FirstPause * 2, _health.Pause());
    }

    /// <summary>
    /// A list of models closes a circuit that opened because there was no connection. After other failures, time-outs included, it only allows an early
    /// trial, once the circuit has been open for the length of the first pause.
    /// </summary>
    [Fact]
    public void ListOfModels_ChangesWhatItSaysSomethingOf()
    {
        Assert.Null(Circuit.Closed.WhenListed(_time));
        Assert.Equal(Circuit.Closed, Opened(1, UpstreamFailure.ConnectionFailed).WhenListed(_time));
        var (first, second, stuck, limited) = (Opened(1), Opened(2), Opened(2, UpstreamFailure.TimedOut), Opened(2, UpstreamFailure.RateLimited));
        var given = second with { IsPauseGiven = true };
        _time.Advance(BackendHealth.FirstPause - TimeSpan.FromSeconds(1));
        Assert.All([first, second, stuck, limited, given, Opened(1, UpstreamFailure.Cut)], circuit => Assert.Null(circuit.WhenListed(_time)));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.All([first, limited, given], circuit => Assert.Null(circuit.WhenListed(_time)));
        Assert.Equal(second with { RetryAt = _time.GetTimestamp() }, second.WhenListed(_time));
        Assert.Equal(stuck with { RetryAt = _time.GetTimestamp() }, stuck.WhenListed(_time));
        Assert.Null((second with { IsTrial = true }).WhenListed(_time));
        Assert.Null((Opened(1, UpstreamFailure.ConnectionFailed) with { IsTrial = true }).WhenListed(_time));

        Circuit Opened(int openings, UpstreamFailure reason = UpstreamFailure.ServerError) =>
            new(_time.GetTimestamp() + (long)(BackendHealth.PauseAfter(openings).TotalSeconds * _time.TimestampFrequency), openings, reason);
    }

    [Theory]
    [InlineData("0", false, false)]
    [InlineData("1", true, false)]
    [InlineData("2", false, true)]
    [InlineData("3", true, true)]
    public void Announcements_AreReadOfOlderReplicasToo(string flags, bool isTrial, bool isPauseGiven)
    {
        var store = new CircuitStore(null!, _time);
        Assert.True(store.TryParse($"other be_1 1000 2 {(int)UpstreamFailure.ServerError} {flags}", "own", out var id, out var circuit));
        Assert.Equal("be_1", id);
        Assert.Equal(new Circuit(_time.GetTimestamp() + _time.TimestampFrequency, 2, UpstreamFailure.ServerError, isTrial, isPauseGiven), circuit);
    }

    [Theory]
    [InlineData(UpstreamFailure.RequestRefused)]
    [InlineData(UpstreamFailure.Misconfigured)]
    [InlineData(UpstreamFailure.Unsupported)]
    public void WhatIsNoIllness_NeverOpens(UpstreamFailure failure)
    {
        for (var i = 0; i < 100; i++)
        {
            _health.Failed(isTrial: false, new UpstreamError(failure));
        }

        Assert.Equal(CircuitState.Closed, _health.State());
    }

    [Fact]
    public void Refusals_MakeOthersPreferred_ForTwiceAsLongEachTime_UntilAnAnswer()
    {
        for (var i = 0; i < 64; i++)
        {
            _health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.Misconfigured));
        }

        // Refusals that arrive together count once.
        foreach (var seconds in (int[])[15, 30, 60, 120, 240, 300, 300])
        {
            _time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.True(_health.IsLastResort(_time.GetTimestamp()));
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.False(_health.IsLastResort(_time.GetTimestamp()));
            _health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.Misconfigured));
        }

        _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(1), isStream: false);
        Assert.False(_health.IsLastResort(_time.GetTimestamp()));
        for (var i = 0; i < 3; i++)
        {
            _health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.Misconfigured));
        }

        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.False(_health.IsLastResort(_time.GetTimestamp()));
    }

    [Fact]
    public void Latency_IsAMovingAverage_OfFirstTokensWhereThereAreAny()
    {
        _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(900), isStream: false);
        Assert.Equal(900_000, _health.LatencyMicros);
        _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(100), isStream: true);
        Assert.Equal(100_000, _health.LatencyMicros);
        _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(200), isStream: true);
        Assert.Equal(120_000, _health.LatencyMicros);
    }

    [Fact]
    public async Task ManyThreads_LoseNoOutcome_AndLetOneTrialPass()
    {
        await Parallel.ForAsync(0, 8, (_, _) =>
        {
            for (var i = 0; i < 1000; i++)
            {
                _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(1), isStream: true);
            }

            return ValueTask.CompletedTask;
        });
        Assert.Equal((8000, 0), _health.Recent());

        Fail(5);
        _time.Advance(TimeSpan.FromSeconds(15));
        var trials = 0;
        await Parallel.ForAsync(0, 8, (_, _) =>
        {
            if (_health.TryEnter(out _))
            {
                Interlocked.Increment(ref trials);
            }

            return ValueTask.CompletedTask;
        });
        Assert.Equal(1, trials);
    }

    [Fact]
    public void WatchingAndEntering_AllocateNothing()
    {
        RunOnce();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            RunOnce();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void RunOnce()
        {
            Assert.True(_health.Circuit.MayPass(_time.GetTimestamp()));
            _health.TryEnter(out var isTrial);
            _health.Succeeded(isTrial, TimeSpan.FromMilliseconds(1), isStream: true);
            _health.Leave();
        }
    }

    private void Fail(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _health.Failed(isTrial: false, Broken);
        }
    }

    private void Succeed(int times)
    {
        for (var i = 0; i < times; i++)
        {
            _health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(1), isStream: false);
        }
    }
}
