namespace ScaiGrid.AppHost.Local;

/// <summary>Writes to the terminal: whole lines, each prefixed with its source.</summary>
internal sealed class Lines(TextWriter output, bool colour)
{
    public const string AppHost = "apphost";

    private const string Reset = "\e[0m";
    private static readonly string[] Palette = ["\e[36m", "\e[32m", "\e[35m", "\e[33m", "\e[34m", "\e[31m"];
    private static readonly int Width = ModeGraph.All.Append(ModeGraph.DevIdentity).Max(mode => mode.Name.Length);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _colours = [];

    public static Lines OfConsole() =>
        new(Console.Out, !Console.IsOutputRedirected && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    public void Write(string source, string text)
    {
        lock (_gate)
        {
            output.WriteLine(Prefix(source) + text);
        }
    }

    /// <summary>Writes several lines as one block without prefixes, so that they can be copied.</summary>
    public void WriteBlock(string text)
    {
        lock (_gate)
        {
            output.WriteLine(text);
        }
    }

    private string Prefix(string source)
    {
        var name = source.PadRight(Width);
        if (!colour)
        {
            return $"{name} | ";
        }

        if (!_colours.TryGetValue(source, out var own))
        {
            _colours[source] = own = Palette[_colours.Count % Palette.Length];
        }

        return $"{own}{name} |{Reset} ";
    }
}
