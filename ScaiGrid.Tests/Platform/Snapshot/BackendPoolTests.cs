using System.Text.Json;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

public sealed class BackendPoolTests
{
    private static readonly SecretBox Box = new(new SecretOptions { SecretKey = Secrets.SecretKey });

    /// <summary>Logged once for each change of the backend, and not for each load.</summary>
    [Fact]
    public void BackendElsewhereWithoutSecretsOfItsOwn_IsTold()
    {
        using var http = new UpstreamHttp(new InferenceOptions(), TimeProvider.System);
        using var board = new HealthBoard(TimeProvider.System);
        var told = new List<string>();
        var pool = new BackendPool(new ProviderCatalog(http, TimeProvider.System), new ProviderSecrets(Box), board, new Listener(told));
        var rows = new SnapshotRows();
        var provider = new Provider { Id = "prv_1", Name = "p", Type = "custom", Config = """{"base_url":"http://here.example/v1"}""", Credentials = Box.Seal("""{"api_key":"sk-here"}""", "prv_1"), CreatedAt = default, UpdatedAt = default };
        Load(rows.Providers, provider);

        Connect("{}", null);
        Connect("""{"base_url":"http://here.example/v2"}""", null);
        Connect("""{"base_url":"http://there.example"}""", Box.Seal("""{"api_key":"sk-there"}""", "be_1"));
        Assert.Empty(told);
        Connect("""{"base_url":"http://there.example"}""", null);
        Connect("""{"base_url":"http://there.example"}""", null);
        Assert.Equal(["SecretsWithheld: Backend be_1 (b) is called without its provider's secrets, since its base_url leads to another host, and it has none of its own."], told);

        void Connect(string config, string? credentials)
        {
            Load(rows.Backends, new Backend { Id = "be_1", ProviderId = "prv_1", Name = "b", Model = "m", Uri = "custom:m", ConnectionConfig = config, Credentials = credentials, CreatedAt = default, UpdatedAt = default });
            Assert.Single(pool.Connect(rows));
        }
    }

    /// <summary>Otherwise each replica would show the backend as unhealthy until its next call, which may never come.</summary>
    [Fact]
    public void MendedKey_ForgetsTheRefusalsOfTheOld()
    {
        using var http = new UpstreamHttp(new InferenceOptions(), TimeProvider.System);
        using var board = new HealthBoard(TimeProvider.System);
        var pool = new BackendPool(new ProviderCatalog(http, TimeProvider.System), new ProviderSecrets(Box), board, new Listener([]));
        var rows = new SnapshotRows();
        Load(rows.Providers, new Provider { Id = "prv_1", Name = "p", Type = "custom", Config = """{"base_url":"http://here.example/v1"}""", CreatedAt = default, UpdatedAt = default });
        var health = Connect("b", "sk-wrong");
        for (var i = 0; i < 3; i++)
        {
            health.Failed(isTrial: false, new UpstreamError(UpstreamFailure.Misconfigured));
        }

        Assert.Same(health, Connect("another name", "sk-wrong"));
        Assert.True(health.IsMisconfigured);
        Assert.Same(health, Connect("another name", "sk-right"));
        Assert.Equal((false, false), (health.IsMisconfigured, health.IsLastResort(TimeProvider.System.GetTimestamp())));

        BackendHealth Connect(string name, string key)
        {
            Load(rows.Backends, new Backend { Id = "be_1", ProviderId = "prv_1", Name = name, Model = "m", Uri = "custom:m", ConnectionConfig = "{}", Credentials = Box.Seal($$"""{"api_key":"{{key}}"}""", "be_1"), CreatedAt = default, UpdatedAt = default });
            return Assert.Single(pool.Connect(rows)).Value.Health;
        }
    }

    private static void Load<T>(SnapshotTable<T> table, T row)
        where T : class, ISnapshotted => table.Read(JsonSerializer.SerializeToElement(new[] { row }));

    private sealed class Listener(List<string> told) : ILogger<BackendPool>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            told.Add($"{eventId.Name}: {formatter(state, exception)}");
    }
}
