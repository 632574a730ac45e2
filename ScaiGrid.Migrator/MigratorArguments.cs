namespace ScaiGrid.Migrator;

/// <summary>The Migrator's command line arguments.</summary>
internal sealed record MigratorArguments(bool Help, bool Status, bool RotateSecretKey, string? Stream, string? Mistake)
{
    /// <summary>EX_USAGE in sysexits.h.</summary>
    public const int UsageExitCode = 64;

    public const string Usage = """
        Brings the database's schema up to date: the core first, then each enabled module.

          (no option)      apply what is pending; on an empty database also make the first super admin and a demo model
          --status         list each stream's migrations: applied, pending
          --module ID      only this stream: a module's id, or core
          --rotate-secret-key
                           instead of migrating: put what earlier secret keys encrypted under SCAIGRID_SECRET_KEY
                           (the earlier ones are in SCAIGRID_SECRET_KEY_PREVIOUS)
          --help           this text

        Exit codes: 0 up to date; 1 a stream failed, a value could not be decrypted, or the database is out of reach; 64 wrong option; 78 wrong configuration.
        Settings are environment variables: SCAIGRID_DATABASE_URL and those of docs/configuration.md.
        """;

    public static MigratorArguments Parse(string[] args)
    {
        var parsed = new MigratorArguments(Help: false, Status: false, RotateSecretKey: false, Stream: null, Mistake: null);
        for (var i = 0; i < args.Length && parsed.Mistake is null; i++)
        {
            parsed = args[i] switch
            {
                "--help" or "-h" => parsed with { Help = true },
                "--status" => parsed with { Status = true },
                "--rotate-secret-key" => parsed with { RotateSecretKey = true },
                "--module" when i + 1 < args.Length => parsed with { Stream = args[++i] },
                "--module" => parsed with { Mistake = "--module needs a module's id." },
                var other when other.StartsWith("--module=", StringComparison.Ordinal) => parsed with { Stream = other["--module=".Length..] },
                var other => parsed with { Mistake = $"Unknown argument '{other}'." },
            };
        }

        return parsed is { Mistake: null, RotateSecretKey: true } and ({ Status: true } or { Stream: not null })
            ? parsed with { Mistake = "--rotate-secret-key goes with no other option." }
            : parsed;
    }
}
