using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <summary>One of the things compared.</summary>
/// <param name="Name">As the table shows it.</param>
/// <param name="ProcessId">The process whose processor time and memory count.</param>
/// <param name="Port">Where it listens.</param>
/// <param name="Path">The path of a chat call.</param>
/// <param name="Key">The API key, where one is needed.</param>
/// <param name="Model">The model to ask for.</param>
internal sealed record Subject(string Name, int ProcessId, int Port, string Path, string? Key, string Model)
{
    private static readonly double TicksPerSecond = 100;

    public string Body(bool stream, bool paced = false) =>
        $$"""{"model":"{{Model}}",{{(stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "")}}"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"{{(paced ? "paced" : "What is a gateway?")}}"}]}""";

    /// <summary>User and system time that the process has used so far.</summary>
    public TimeSpan ProcessorTime()
    {
        // Fields 14 and 15 of proc(5); the program's name, in parentheses, may hold spaces.
        var stat = File.ReadAllText($"/proc/{ProcessId}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }

    public double ResidentMebibytes() => long.Parse(
        File.ReadLines($"/proc/{ProcessId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))[6..^2].Trim(),
        CultureInfo.InvariantCulture) / 1024.0;
}
