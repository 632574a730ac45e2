namespace ScaiGrid.Core.Modules;

/// <summary>Work that the Worker runs on a schedule: once per due time, whatever the number of workers.</summary>
public interface IScheduledTask
{
    Task RunAsync(CancellationToken cancellationToken);
}
