using System.Diagnostics;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>Waits for something that happens soon in another process.</summary>
public static class Poll
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Polls until the condition holds, and returns how long that took.</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="what">A description of the condition, for the timeout's message.</param>
    /// <param name="patience">A longer timeout than usual, for conditions that depend on chance.</param>
    public static async Task<TimeSpan> UntilAsync(Func<Task<bool>> condition, string what, TimeSpan? patience = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < (patience ?? Patience), $"Waited in vain: {what}.");
            await Task.Delay(50);
        }

        return Stopwatch.GetElapsedTime(started);
    }
}
