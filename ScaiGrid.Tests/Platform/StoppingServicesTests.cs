using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using StackExchange.Redis;
using Xunit;

namespace ScaiGrid.Tests.Platform;

/// <summary>Services that are stopped during a database call, whose driver reports the cancellation as another exception.</summary>
public sealed class StoppingServicesTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly CancelledDatabase _database = new();

    [Fact]
    public async Task ApiKeyUse_StoppedWhileItWrites_IsNoFault()
    {
        var credentials = new CredentialPool();
        credentials.Keep("key_used").Use();
        credentials.Turn();
        using var service = new ApiKeyUse(credentials, _database, _time, NullLogger<ApiKeyUse>.Instance);
        await StopWhileItAsksAsync(service);
    }

    [Fact]
    public async Task EndedSessions_StoppedWhileItLooks_IsNoFault()
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync("127.0.0.1:1,abortConnect=false,connectRetry=0,connectTimeout=1");
        using var service = new EndedSessions(
            _database, redis, new SessionCredentials(new InferenceOptions(), _time), new SignInOptions(), _time, NullLogger<EndedSessions>.Instance);
        await StopWhileItAsksAsync(service);
    }

    private async Task StopWhileItAsksAsync(BackgroundService service)
    {
        _database.IsAway = true;
        await service.StartAsync(TestContext.Current.CancellationToken);
        _database.IsAway = false;
        while (!_database.Asked.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await service.StopAsync(TestContext.Current.CancellationToken);
        Assert.True(service.ExecuteTask!.IsCompletedSuccessfully, $"{service.ExecuteTask.Exception}");
    }

    private sealed class CancelledDatabase : IDbContextFactory<PlatformDb>
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsAway { get; set; }

        public Task Asked => _asked.Task;

        public PlatformDb CreateDbContext() => throw new NotSupportedException();

        public async Task<PlatformDb> CreateDbContextAsync(CancellationToken cancellationToken = default)
        {
            if (!IsAway)
            {
                _asked.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            throw new InvalidOperationException("Connection must be open.");
        }
    }
}
