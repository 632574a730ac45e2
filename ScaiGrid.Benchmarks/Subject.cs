using System.Globalization;
using System.Text;

namespace ScaiGrid.Benchmarks;

/// <summary>One of the compared subjects.</summary>
/// <param name="Name">The name in the tables.</param>
/// <param name="ProcessId">The process whose CPU time and memory are measured.</param>
/// <param name="Port">The port that it listens on.</param>
/// <param name="Path">The path of a chat call.</param>
/// <param name="Callers">Keys and models of the calls, used in turn.</param>
/// <param name="WorkerId">The process that stores the calls' usage afterwards.</param>
internal sealed record Subject(string Name, int ProcessId, int Port, string Path, IReadOnlyList<(string? Key, string Model)> Callers, int? WorkerId = null)
{
    public const string Direct = "direct";
    public const string Yarp = "YARP";

    private static readonly double TicksPerSecond = 100;
    private static readonly TimeSpan RestStep = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The bytes of each caller's request.</summary>
    public IReadOnlyList<byte[]> Requests(CallKind kind) => [.. Callers.Select(caller =>
    {
        var body =
            $$"""{"model":"{{caller.Model}}",{{(kind.Stream ? "\"stream\":true,\"stream_options\":{\"include_usage\":true}," : "")}}"messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"{{(kind.Paced ? "paced" : "What is a gateway?")}}"}]}""";
        var key = caller.Key is null ? "" : $"Authorization: Bearer {caller.Key}\r\n";
        return Encoding.ASCII.GetBytes(
            $"POST {Path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
    })];

    /// <summary>User and system time of the process so far.</summary>
    public TimeSpan ProcessorTime() => ProcessorTime(ProcessId);

    /// <summary>Waits until the worker has stored the calls' usage, so that it does not disturb the next measurement.</summary>
    public async Task RestAsync()
    {
        var isIdle = WorkerId is null;
        for (var waited = TimeSpan.Zero; !isIdle && waited < Patience; waited += RestStep)
        {
            var before = ProcessorTime(WorkerId!.Value);
            await Task.Delay(RestStep);
            isIdle = ProcessorTime(WorkerId.Value) - before < RestStep / 8;
        }
    }

    public double ResidentMebibytes() => long.Parse(
        File.ReadLines($"/proc/{ProcessId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))[6..^2].Trim(),
        CultureInfo.InvariantCulture) / 1024.0;

    private static TimeSpan ProcessorTime(int processId)
    {
        // Fields 14 and 15 of proc(5); the program's name, in parentheses, may contain spaces.
        var stat = File.ReadAllText($"/proc/{processId}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
    }
}

/// <param name="Name">The name in the tables.</param>
/// <param name="Stream">Whether the response is streamed.</param>
/// <param name="Paced">Whether the upstream pauses between chunks.</param>
/// <param name="Spread">The time over which the connections start.</param>
internal sealed record CallKind(string Name, bool Stream = false, bool Paced = false, TimeSpan Spread = default)
{
    public static readonly CallKind Chat = new("chat");
    public static readonly CallKind Streamed = new($"stream of {MockUpstream.Chunks}", Stream: true);

    /// <summary>Started one after the other, like independent callers.</summary>
    public static readonly CallKind PacedStream = new("paced stream", Stream: true, Paced: true, Spread: MockUpstream.Pace * MockUpstream.Chunks);

    /// <summary>Started at the same moment: the worst case for the last one.</summary>
    public static readonly CallKind PacedAtOnce = new("paced stream, all begun at once", Stream: true, Paced: true);
}
