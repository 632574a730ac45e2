using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using Xunit;

namespace ScaiGrid.Tests.Inference.Routing;

public sealed class TargetSelectorTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void Weights_ShareTheCalls_AndZeroIsALastResort()
    {
        var targets = Targets((1, 0), (3, 0), (0, 0));
        Assert.Equal([250, 750, 0], Shares(targets, RoutingStrategy.Weighted));
        Assert.Equal(2, TargetSelector.Next(targets, RoutingStrategy.Weighted, tried: 0b011, Now, 0.5));
        Assert.Equal(-1, TargetSelector.Next(targets, RoutingStrategy.Weighted, tried: 0b111, Now, 0.5));
    }

    /// <summary>Whatever the strategy: although it is the idlest, the fastest and the cheapest.</summary>
    [Theory]
    [InlineData(RoutingStrategy.LeastInFlight)]
    [InlineData(RoutingStrategy.LowestLatency)]
    [InlineData(RoutingStrategy.LowestCost)]
    public void WeightZero_IsALastResort_HoweverGood(RoutingStrategy strategy)
    {
        var targets = Targets((0, 0), (1, 0), (0, 0), (1, 1));
        targets = targets.SetItem(1, targets[1] with { Backend = Backend("dear", price: 500) });
        Answer(targets[0], 10);
        Answer(targets[1], 50);
        Answer(targets[2], 20);
        Answer(targets[3], 1);
        targets[1].Backend.Health.TryEnter(out _);
        targets[2].Backend.Health.TryEnter(out _);
        Assert.Equal([0, 1000, 0, 0], Shares(targets, strategy));
        Break(targets[1]);
        Assert.Equal([1000, 0, 0, 0], Shares(targets, strategy));
    }

    [Fact]
    public void Priorities_AreExhaustedInOrder()
    {
        var targets = Targets((1, 0), (1, 0), (1, 1));
        Assert.Equal([500, 500, 0], Shares(targets, RoutingStrategy.Weighted));
        Assert.Equal(1, TargetSelector.Next(targets, RoutingStrategy.Weighted, tried: 0b001, Now, 0.0));
        Assert.Equal(2, TargetSelector.Next(targets, RoutingStrategy.Weighted, tried: 0b011, Now, 0.0));
    }

    [Fact]
    public void OpenCircuits_ArePassedOver_AndTheNextPriorityTakesOver()
    {
        var targets = Targets((1, 0), (1, 0), (1, 1));
        Break(targets[0]);
        Assert.Equal([0, 1000, 0], Shares(targets, RoutingStrategy.Weighted));
        Break(targets[1]);
        Assert.Equal([0, 0, 1000], Shares(targets, RoutingStrategy.Weighted));
        Break(targets[2]);
        Assert.Equal(-1, TargetSelector.Next(targets, RoutingStrategy.Weighted, tried: 0, Now, 0.5));
        _time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal([500, 500, 0], Shares(targets, RoutingStrategy.Weighted));
    }

    /// <summary>
    /// A target that responds with 401 is fast, and its latency is never measured. As the fastest, least loaded and perhaps cheapest target it would get all
    /// calls.
    /// </summary>
    [Theory]
    [InlineData(RoutingStrategy.Weighted)]
    [InlineData(RoutingStrategy.LeastInFlight)]
    [InlineData(RoutingStrategy.LowestLatency)]
    [InlineData(RoutingStrategy.LowestCost)]
    public void MisconfiguredOnes_AreALastResort_AndAreAskedAgainNowAndThen(RoutingStrategy strategy)
    {
        var targets = Targets((1, 0), (1, 1));
        Answer(targets[1], 50);
        Refuse(targets[0], times: 2);
        Assert.Equal([1000, 0], Shares(targets, strategy));
        Answer(targets[0], 20);
        Refuse(targets[0], times: 2);
        Assert.Equal([1000, 0], Shares(targets, strategy));
        Refuse(targets[0], times: 1);
        Assert.Equal([0, 1000], Shares(targets, strategy));
        Assert.True(targets[0].Backend.Health.IsMisconfigured);
        Assert.Equal(0, TargetSelector.Next(targets, strategy, tried: 0b10, Now, 0.5));
        Assert.Equal(-1, TargetSelector.Next(targets, strategy, tried: 0b11, Now, 0.5));
        Refuse(targets[1], times: 3);
        Assert.Equal([1000, 0], Shares(targets, strategy));

        _time.Advance(TimeSpan.FromSeconds(15));
        Refuse(targets[0], times: 1);
        Assert.Equal([0, 1000], Shares(targets, strategy));
        targets[0].Backend.Health.Close();
        Assert.Equal([1000, 0], Shares(targets, strategy));
    }

    [Fact]
    public void LeastInFlight_GoesToTheIdlest_AndByWeightAmongEquals()
    {
        var targets = Targets((1, 0), (1, 0), (3, 0));
        targets[0].Backend.Health.TryEnter(out _);
        Assert.Equal([0, 250, 750], Shares(targets, RoutingStrategy.LeastInFlight));
        targets[1].Backend.Health.TryEnter(out _);
        targets[2].Backend.Health.TryEnter(out _);
        targets[2].Backend.Health.TryEnter(out _);
        Assert.Equal([500, 500, 0], Shares(targets, RoutingStrategy.LeastInFlight));
    }

    [Fact]
    public void LowestLatency_GoesToTheFastest_MeasuresTheUnmeasured_AndLooksAtTheOthersNowAndThen()
    {
        var targets = Targets((1, 0), (1, 0), (1, 0));
        Answer(targets[0], 50);
        Answer(targets[1], 20);
        Assert.Equal(2, TargetSelector.Next(targets, RoutingStrategy.LowestLatency, tried: 0, Now, 0.5));
        Answer(targets[2], 90);
        var shares = Shares(targets, RoutingStrategy.LowestLatency);
        Assert.InRange(shares[1], 950, 980);
        Assert.InRange(shares[0], 10, 25);
        Assert.InRange(shares[2], 10, 25);
    }

    /// <summary>Refusals do not measure it: it would come first for ever.</summary>
    [Fact]
    public void LowestLatency_GivesAnUnmeasuredOneOneCall_AndNoMoreOnceItRefuses()
    {
        var targets = Targets((1, 0), (1, 0));
        Answer(targets[0], 50);
        targets[1].Backend.Health.TryEnter(out _);
        Assert.InRange(Shares(targets, RoutingStrategy.LowestLatency)[1], 10, 40);
        targets[1].Backend.Health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.RequestRefused));
        targets[1].Backend.Health.Leave();
        Assert.InRange(Shares(targets, RoutingStrategy.LowestLatency)[1], 10, 40);
        Answer(targets[1], 20);
        Assert.InRange(Shares(targets, RoutingStrategy.LowestLatency)[0], 10, 40);
    }

    [Fact]
    public void LowestCost_GoesToTheCheapest_WhateverItsWeight()
    {
        var targets = Targets((100, 0), (1, 0));
        targets = [targets[0] with { Backend = Backend("dear", price: 500) }, targets[1] with { Backend = Backend("cheap", price: 100) }];
        Assert.Equal([0, 1000], Shares(targets, RoutingStrategy.LowestCost));
    }

    /// <summary>Images are priced each, and transcriptions by the minute. Where an upstream prices tokens instead, its price is not comparable, and not zero.</summary>
    [Theory]
    [InlineData("image")]
    [InlineData("audio")]
    public void LowestCost_ComparesTheUnitThatTheModalityIsPricedBy(string modality)
    {
        Target[] all = [Of("dear", unit: 40), Of("cheap", unit: 20), Of("tokens", tokens: 1), Of("dear_tokens", tokens: 5), Of("free")];
        Assert.Equal([0, 1000], Shares([all[0], all[1]], RoutingStrategy.LowestCost));
        Assert.Equal([0, 1000, 0], Shares([all[2], all[1], all[3]], RoutingStrategy.LowestCost));
        Assert.Equal([1000, 0], Shares([all[2], all[3]], RoutingStrategy.LowestCost));
        Assert.Equal([0, 0, 0, 0, 1000], Shares([.. all], RoutingStrategy.LowestCost));

        Target Of(string id, long unit = 0, long tokens = 0) => new(Backend(id, tokens, modality == "image" ? unit : 0, modality == "audio" ? unit : 0), 1, 0, modality);
    }

    [Fact]
    public void Choosing_AllocatesNothing()
    {
        var targets = Targets((1, 0), (3, 0), (1, 1));
        TargetSelector.Next(targets, RoutingStrategy.LowestLatency, 0, Now, 0.5);
        var now = Now;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            TargetSelector.Next(targets, RoutingStrategy.LowestLatency, 0, now, i / 1000.0);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private long Now => _time.GetTimestamp();

    private int[] Shares(ImmutableArray<Target> targets, RoutingStrategy strategy)
    {
        var shares = new int[targets.Length];
        for (var i = 0; i < 1000; i++)
        {
            shares[TargetSelector.Next(targets, strategy, tried: 0, Now, i / 1000.0)]++;
        }

        return shares;
    }

    private ImmutableArray<Target> Targets(params (int Weight, int Priority)[] targets) =>
        [.. targets.Select((target, index) => new Target(Backend($"be_{index}"), target.Weight, target.Priority, "chat"))];

    private Backend Backend(string id, long price = 0, long imagePrice = 0, long audioMinutePrice = 0) => new()
    {
        Id = id,
        Model = id,
        Prices = new UnitPrices(price, price, imagePrice, audioMinutePrice),
        Clients = new BackendClients(),
        Health = new BackendHealth(id, _time),
    };

    private static void Refuse(Target target, int times)
    {
        for (var i = 0; i < times; i++)
        {
            target.Backend.Health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.Misconfigured));
        }
    }

    private static void Answer(Target target, int milliseconds) =>
        target.Backend.Health.Succeeded(isTrial: false, TimeSpan.FromMilliseconds(milliseconds), isStream: true);

    private static void Break(Target target)
    {
        for (var i = 0; i < 5; i++)
        {
            target.Backend.Health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.ConnectionFailed));
        }
    }
}
