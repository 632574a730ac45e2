using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using Xunit;

namespace ScaiGrid.Tests.Inference.Pipeline;

/// <summary>The error for the caller when some targets can never serve the request. The other cases are in FailoverTests.</summary>
public sealed class FailureVerdictTests
{
    private static readonly UpstreamError Field = UpstreamError.Unsupported("n", "is more than 1.");
    private static readonly UpstreamError Operation = UpstreamError.Unsupported("speech");

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void TheTargetThatCannot_IsNotOneThatIsOut()
    {
        // The circuit is half-open, and the request that the target cannot serve would be its trial.
        var route = Route(UpstreamFailure.ServerError);
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.Same(Field, Verdict(route, unable: 0b1, Field));
    }

    [Fact]
    public void TheSoonest_IsOfThoseThatCan()
    {
        var error = Verdict(Route(null, UpstreamFailure.ServerError), unable: 0b01, Field);
        Assert.Equal((UpstreamFailure.Unavailable, 15), (error.Failure, error.RetryAfterSeconds));
        error = Verdict(Route(null, UpstreamFailure.RateLimited), unable: 0b01, Field);
        Assert.Equal((UpstreamFailure.RateLimited, 120), (error.Failure, error.RetryAfterSeconds));
        error = Verdict(Route(UpstreamFailure.RateLimited, UpstreamFailure.ServerError, null), unable: 0b100, Operation);
        Assert.Equal((UpstreamFailure.Unavailable, 15), (error.Failure, error.RetryAfterSeconds));
    }

    [Fact]
    public void WhatTheCallerCanChange_IsTold_InWhicheverOrder()
    {
        Assert.Same(Field, Verdict(Route(null, null), unable: 0b11, Field, Operation));
        Assert.Same(Field, Verdict(Route(null, null), unable: 0b11, Operation, Field));
        Assert.Same(Operation, Verdict(Route([null]), unable: 0b1, Operation));
    }

    /// <summary>The retry time is that of the open circuits, which opened without a requested pause.</summary>
    [Theory]
    [InlineData(UpstreamFailure.ServerError, UpstreamFailure.ServerError)]
    [InlineData(UpstreamFailure.ServerError, UpstreamFailure.Cut)]
    [InlineData(UpstreamFailure.RateLimited, UpstreamFailure.TimedOut)]
    [InlineData(UpstreamFailure.RateLimited, UpstreamFailure.ShapeMismatch)]
    [InlineData(UpstreamFailure.RateLimited, UpstreamFailure.ErrorEvent)]
    public void AllOut_AfterOneAskedForAPause_AreUnavailable_InWhicheverOrder(UpstreamFailure paused, UpstreamFailure last)
    {
        var asked = new UpstreamError(paused, RetryAfterSeconds: 30);
        var failed = new UpstreamError(last);
        foreach (var errors in new[] { new[] { asked, failed }, [failed, asked] })
        {
            var error = Verdict(Route(paused, UpstreamFailure.ServerError), unable: 0, errors);
            Assert.Equal((UpstreamFailure.Unavailable, 15), (error.Failure, error.RetryAfterSeconds));

            // A target whose circuit is closed may be called again immediately.
            Assert.Contains(Verdict(Route(paused, null), unable: 0, errors), errors);
        }
    }

    /// <summary>It says when to come back itself.</summary>
    [Fact]
    public void RateLimit_IsTold_ThoughAllAreOut()
    {
        var limited = new UpstreamError(UpstreamFailure.RateLimited, RetryAfterSeconds: 120);
        var gone = new UpstreamError(UpstreamFailure.ConnectionFailed);
        Assert.Same(limited, Verdict(Route(UpstreamFailure.RateLimited, UpstreamFailure.ServerError), unable: 0, gone, limited));
    }

    private static UpstreamError Verdict(ModelRoute route, ulong unable, params UpstreamError[] errors)
    {
        var verdict = new FailureVerdict();
        foreach (var error in errors)
        {
            verdict.Add(error);
        }

        return verdict.Of(route, unable);
    }

    /// <param name="failures">For each target, the failure that opened its circuit; null for a closed circuit.</param>
    private ModelRoute Route(params UpstreamFailure?[] failures) =>
        Routes.Make(targets: [.. failures.Select((failure, index) => Target($"be_{index}", failure))]);

    private Target Target(string id, UpstreamFailure? failure)
    {
        var health = new BackendHealth(id, _time);
        if (failure is { } reason)
        {
            health.Failed(isTrial: false, new UpstreamError(reason, RetryAfterSeconds: reason == UpstreamFailure.RateLimited ? 120 : 15));
        }

        return new Target(
            new Backend { Id = id, Model = id, Prices = default, Clients = new BackendClients(), Health = health }, Weight: 1, Priority: 0, Modality: "chat");
    }
}
