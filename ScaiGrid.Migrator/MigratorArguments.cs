namespace ScaiGrid.Migrator;

/// <summary>The Migrator's command line arguments.</summary>
internal sealed record MigratorArguments(bool Help, bool Status, string? Stream, string? Mistake)
{
    /// <summary>EX_USAGE in sysexits.h.</summary>
    public const int UsageExitCode = 64;

    public const string Usage = """
        Brings the database's schema up to date: the core first, then each enabled module.

          (no option)      apply what is pending; on an empty database also make the first super admin and a demo model
          --status         list each stream's migrations: applied, pending
          --module ID      only this stream: a module's id, or core
          --help           this text

        Exit codes: 0 up to date; 1 a stream failed or the database is out of reach; 64 wrong option; 78 wrong configuration.
        Settings are environment variables: SCAIGRID_DATABASE_URL and those of docs/configuration.md.
        """;

    public static MigratorArguments Parse(string[] args)
    {
        var parsed = new MigratorArguments(Help: false, Status: false, Stream: null, Mistake: null);
        for (var i = 0; i < args.Length && parsed.Mistake is null; i++)
        {
            parsed = args[i] switch
            {
                "--help" or "-h" => parsed with { Help = true },
                "--status" => parsed with { Status = true },
                "--module" when i + 1 < args.Length => parsed with { Stream = args[++i] },
                "--module" => parsed with { Mistake = "--module needs a module's id." },
                var other when other.StartsWith("--module=", StringComparison.Ordinal) => parsed with { Stream = other["--module=".Length..] },
                var other => parsed with { Mistake = $"Unknown argument '{other}'." },
            };
        }

        return parsed;
    }
}
