using System.Globalization;

namespace ScaiGrid.Benchmarks;

/// <param name="Rounds">Number of interleaved rounds; medians are shown.</param>
/// <param name="Seconds">Length of one measurement.</param>
/// <param name="Connections">The numbers of connections to measure with.</param>
/// <param name="Calls">The measurements: chat, stream, paced; scale; memory.</param>
/// <param name="MemoryCalls">The number of calls of the memory measurement.</param>
/// <param name="Beside">The folder of another source tree, built in the same configuration, that is measured in the same rounds (chat, stream,
/// paced).</param>
internal sealed record BenchmarkOptions(int Rounds, double Seconds, int[] Connections, string[] Calls, int MemoryCalls, string? Beside = null)
{
    public const string Usage =
        "ScaiGrid.Benchmarks [--rounds 5] [--seconds 3] [--connections 1,16,64] [--calls chat,stream,paced,scale,memory] [--memory-calls 1000000] [--beside SOURCE] | micro";

    private static readonly string[] Known = ["chat", "stream", "paced", "scale", "memory"];

    public static BenchmarkOptions? Parse(string[] args)
    {
        var options = new BenchmarkOptions(5, 3, [1, 16, 64], ["chat", "stream", "paced"], 1_000_000);
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length)
            {
                return null;
            }

            switch (args[i])
            {
                case "--rounds" when int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out var rounds) && rounds > 0:
                    options = options with { Rounds = rounds };
                    break;
                case "--seconds" when double.TryParse(args[i + 1], CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
                    options = options with { Seconds = seconds };
                    break;
                case "--connections":
                    options = options with { Connections = [.. args[i + 1].Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))] };
                    break;
                case "--memory-calls" when int.TryParse(args[i + 1], CultureInfo.InvariantCulture, out var calls) && calls > 0:
                    options = options with { MemoryCalls = calls };
                    break;
                case "--calls" when args[i + 1].Split(',').All(Known.Contains):
                    options = options with { Calls = args[i + 1].Split(',') };
                    break;
                case "--beside" when Directory.Exists(args[i + 1]):
                    options = options with { Beside = Path.GetFullPath(args[i + 1]) };
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
