using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Registers the process's Redis connection. It connects in the background, and retries while Redis is unavailable.</summary>
public static class RedisConnection
{
    public static void AddRedis(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<RedisOptions>();
        builder.Services.AddSingleton(services => RedisAddress.TryParse(services.GetRequiredService<RedisOptions>(), out var configuration)
            ? configuration
            : throw new InvalidOperationException("Settings were not checked."));
        builder.Services.AddSingleton<IConnectionMultiplexer>(services => ConnectionMultiplexer.Connect(services.GetRequiredService<ConfigurationOptions>()));
        builder.Services.AddSingleton<RedisPrimary>();
    }
}
