using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Registers the worker's part of queued work.</summary>
internal static class JobServices
{
    /// <summary>Hosts that run jobs must also register <see cref="JobRunner"/> as a hosted service.</summary>
    public static void AddJobs(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<JobOptions>();
        builder.Services.AddSingleton<JobStore>();
        builder.Services.AddSingleton<JobMetrics>();
    }

    public static void AddJobQueue<T>(this IServiceCollection services, string name, int concurrency, int maxAttempts = 10)
        where T : class, IJobHandler
    {
        services.AddSingleton<T>();
        services.AddSingleton(JobQueue.Of<T>(name, concurrency, maxAttempts));
    }
}
