using System.Diagnostics;

namespace ScaiGrid.Tests.Support;

/// <summary>Starts a further replica of a mode, and waits until it is ready.</summary>
public static class Replica
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <param name="mode">The mode.</param>
    /// <param name="settings">Its environment variables.</param>
    /// <param name="disk">A small disk that it sees; null for none.</param>
    public static async Task<ModeProcess> StartAsync(Mode mode, IReadOnlyDictionary<string, string> settings, SmallDisk? disk = null)
    {
        var replica = await ModeProcess.StartAsync(mode, settings, disk);
        try
        {
            await replica.WaitForReadinessAsync(200);
            return replica;
        }
        catch
        {
            await replica.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until it serves all earlier changes: a key that is created now is known to it.</summary>
    public static async Task CatchUpAsync(this ModeProcess replica, ApiDriver admin)
    {
        using var api = new ApiDriver(replica.BaseAddress, (await admin.CreateKeyAsync()).Key);
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 200, "what was changed elsewhere");
    }

    /// <summary>Waits until <c>/health/ready</c> answers with <paramref name="status"/>, and returns the response body.</summary>
    public static async Task<string> WaitForReadinessAsync(this ModeProcess replica, int status)
    {
        using var client = replica.CreateClient();
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var answer = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
            var body = await answer.Content.ReadAsStringAsync();
            if ((int)answer.StatusCode == status)
            {
                return body;
            }

            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"/health/ready is still {(int)answer.StatusCode} {body}:\n{replica.Output}");
            }

            await Task.Delay(50);
        }
    }
}
