using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Sets an exit code if a background service fails. By default the host stops as if it had been told to, with exit code 0, so that a
/// supervisor that restarts failed processes would not restart it.
/// </summary>
internal sealed class FaultedServices(IServiceProvider services) : IHostedLifecycleService
{
    /// <summary>EX_SOFTWARE in sysexits.h.</summary>
    private const int ExitCode = 70;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (services.GetServices<IHostedService>().OfType<BackgroundService>().Any(service => service.ExecuteTask is { IsFaulted: true }))
        {
            Environment.ExitCode = ExitCode;
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
