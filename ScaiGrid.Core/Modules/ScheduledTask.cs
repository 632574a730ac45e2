namespace ScaiGrid.Core.Modules;

/// <summary>Declares a scheduled task of the platform or of a module.</summary>
/// <param name="Name">Unique, lower case with dots: <c>accounting.usage_flush</c>.</param>
/// <param name="Interval">From one start to the next; a run that takes longer delays the next one.</param>
/// <param name="Handler">An <see cref="IScheduledTask"/>, resolved in a scope of its own for each run.</param>
/// <param name="Timeout">The time after which a run is cancelled.</param>
public sealed record ScheduledTask(string Name, TimeSpan Interval, Type Handler, TimeSpan Timeout)
{
    public static ScheduledTask Every<T>(string name, TimeSpan interval, TimeSpan timeout)
        where T : IScheduledTask => new(name, interval, typeof(T), timeout);
}
