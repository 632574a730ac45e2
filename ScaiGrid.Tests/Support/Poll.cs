using System.Diagnostics;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>Waiting for what happens soon, in another process.</summary>
public static class Poll
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>Asks until the condition holds, and tells how long that took.</summary>
    /// <param name="condition">What is waited for.</param>
    /// <param name="what">The same in words, for when it is waited for in vain.</param>
    /// <param name="patience">Longer than usual, for what chance has a part in.</param>
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
