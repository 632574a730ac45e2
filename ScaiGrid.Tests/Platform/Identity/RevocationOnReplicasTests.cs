using System.Collections.Concurrent;
using System.Diagnostics;
using ScaiGrid.Tests.Platform.Snapshot;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>A key is revoked on one replica while calls use it on two.</summary>
[Collection(TimedTests.Name)]
public sealed class RevocationOnReplicasTests(Grid grid) : ServicesTest(grid)
{
    private const int Callers = 50;
    private const string Refused = "refused";
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task RevokedKey_IsWorthNothingASecondLater_OnEveryReplica()
    {
        await using var replica = await Replica.StartAsync(Mode.Http, Services.Settings);
        using var elsewhere = new ApiDriver(replica.BaseAddress, Admin.Key);
        var whole = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromMilliseconds(300) });
        var streamed = await ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 400)], ChunkDelay = TimeSpan.FromMilliseconds(300) });
        var (id, key) = await Admin.CreateKeyAsync();
        using var here = Admin.As(key);
        using var there = elsewhere.As(key);
        await Poll.UntilAsync(async () => (int)(await there.GetAsync("/v1/me")).Status == 200, "the key on the other replica");

        using var end = new CancellationTokenSource();
        var calls = new ConcurrentQueue<Call>();
        var callers = Enumerable.Range(0, Callers).Select(i =>
        {
            var api = i % 2 == 0 ? here : there;
            return i < Callers / 2 ? CallAsync(api, whole, calls, end.Token) : StreamAsync(api, streamed, calls, end.Token);
        }).ToList();
        await Poll.UntilAsync(() => Task.FromResult(calls.Count(call => call.Succeeded) > Callers), "calls that succeed");

        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        var revoked = Stopwatch.GetTimestamp();
        await Task.Delay(Promised * 4, TestContext.Current.CancellationToken);
        await end.CancelAsync();
        await Task.WhenAll(callers);

        Assert.Contains(calls, call => call.Began > revoked && !call.Succeeded);
        Assert.DoesNotContain(calls, call => call.Succeeded && Stopwatch.GetElapsedTime(revoked, call.Began) > Promised);

        // The streams would run for two minutes. That they are over shows that they were cut, each with an error event. A caller may have started a second
        // stream on the replica that did not know of the revocation yet.
        var cut = calls.Where(call => call.IsStream && call.Error != Refused).ToList();
        Assert.InRange(cut.Count, Callers / 2, Callers);
        Assert.All(cut, call => Assert.Equal("AUTH_TOKEN_INVALID", call.Error));
    }

    private async Task<string> ConnectAsync(UpstreamScript script)
    {
        var name = $"upstream-{Fresh.Name()}";
        Grid.Upstream.Play(name, script);
        return await Admin.ConnectAsync(Grid.Upstream.BaseUrl, name);
    }

    private static async Task CallAsync(ApiDriver api, string model, ConcurrentQueue<Call> calls, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            var answer = await api.ChatAsync(model);
            calls.Enqueue(new Call(began, IsStream: false, (int)answer.Status == 200, Error: null));

            // After a refusal the caller continues, but not as fast as the machine can.
            await Task.Delay((int)answer.Status == 200 ? 0 : 50, CancellationToken.None);
        }
    }

    private static async Task StreamAsync(ApiDriver api, string model, ConcurrentQueue<Call> calls, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            using var stream = await api.StreamAsync(model);
            if (!stream.Response.IsSuccessStatusCode)
            {
                calls.Enqueue(new Call(began, IsStream: true, Succeeded: false, Error: Refused));
                await Task.Delay(50, CancellationToken.None);
                continue;
            }

            var error = (await stream.AllAsync()).FirstOrDefault(item => item.Name == "error");
            calls.Enqueue(new Call(began, IsStream: true, error is null, (string?)error?.Json["code"]));
        }
    }

    /// <param name="Began">The timestamp of its start.</param>
    /// <param name="IsStream">Whether its response is a stream.</param>
    /// <param name="Succeeded">Whether it was complete.</param>
    /// <param name="Error">The error code of a stream that was cut.</param>
    private sealed record Call(long Began, bool IsStream, bool Succeeded, string? Error);
}
