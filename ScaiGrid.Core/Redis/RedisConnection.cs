using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Registers the one Redis connection of a process. It connects in the background and goes on trying while Redis is away.</summary>
public static class RedisConnection
{
    public static void AddRedis(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<RedisOptions>();
        builder.Services.AddSingleton<IConnectionMultiplexer>(services =>
        {
            var options = services.GetRequiredService<RedisOptions>();
            return RedisAddress.TryParse(options, out var configuration)
                ? ConnectionMultiplexer.Connect(configuration)
                : throw new InvalidOperationException("Settings were not checked.");
        });
    }
}
