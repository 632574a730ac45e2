using System.Globalization;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Storage;
using ScaiGrid.Modules.Bunker.Storage;

namespace ScaiGrid.BunkerProxy;

/// <summary>
/// The command <c>mint</c>: prints a capability, for operators and scripts. The controller mints with <see cref="CapabilitySigner"/> itself.
/// </summary>
internal static class MintCommand
{
    private const int Usage = 64; // EX_USAGE in sysexits.h
    private const int MaxLifetimeSeconds = 366 * 24 * 3600;

    private const string Help =
        "usage: mint (--key KEY | --prefix FOLDER) --methods GET,HEAD,PUT,DELETE,LIST [--max-bytes N] [--expires-in SECONDS, default 3600]";

    private static readonly string[] Options = ["key", "prefix", "methods", "max-bytes", "expires-in"];

    public static async Task<int> RunAsync(string[] args)
    {
        if (args.Contains("--help"))
        {
            Console.WriteLine(Help);
            return 0;
        }

        var builder = Host.CreateApplicationBuilder();
        var keys = builder.AddSettings<CapabilityOptions>();
        builder.RequireCapabilityKey();
        builder.CheckSettings();

        try
        {
            var capability = Parse(args, TimeProvider.System);
            Console.WriteLine(new CapabilitySigner(keys, TimeProvider.System).Mint(capability));
            return 0;
        }
        catch (FormatException mistake)
        {
            await Console.Error.WriteLineAsync($"{mistake.Message}\n{Help}");
            return Usage;
        }
    }

    private static StorageCapability Parse(string[] args, TimeProvider time)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal) || !Options.Contains(args[i][2..]))
            {
                throw new FormatException($"There is no option '{args[i]}'.");
            }

            if (i + 1 == args.Length || !given.TryAdd(args[i][2..], args[i + 1]))
            {
                throw new FormatException($"{args[i]} must be given once, with a value.");
            }
        }

        var methods = Methods(given.GetValueOrDefault("methods") ?? throw new FormatException("--methods is required."));
        var lifetime = Number("--expires-in", given.GetValueOrDefault("expires-in", "3600"), MaxLifetimeSeconds);
        long? limit = given.TryGetValue("max-bytes", out var bytes) ? Number("--max-bytes", bytes, long.MaxValue) : null;
        var expiresAt = time.GetUtcNow().AddSeconds(lifetime);
        return (given.GetValueOrDefault("key"), given.GetValueOrDefault("prefix")) switch
        {
            ({ } key, null) => BlobKey.IsValid(key) ? StorageCapability.ForKey(key, methods, expiresAt, limit)
                : throw new FormatException("--key is not the key of an object."),
            (null, { } prefix) => prefix.Length == 0 || BlobKey.IsValid(prefix.TrimEnd('/')) ? StorageCapability.ForPrefix(prefix, methods, expiresAt, limit)
                : throw new FormatException("--prefix is not a folder."),
            _ => throw new FormatException("Give either --key or --prefix."),
        };
    }

    private static StorageMethods Methods(string text)
    {
        var methods = StorageMethods.None;
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!char.IsLetter(word.FirstOrDefault()) || !Enum.TryParse<StorageMethods>(word, ignoreCase: true, out var method) || method == StorageMethods.None)
            {
                throw new FormatException($"--methods: there is no method '{word}'.");
            }

            methods |= method;
        }

        return methods;
    }

    private static long Number(string option, string text, long most) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= most ? number
            : throw new FormatException($"{option} must be a whole number from 1 to {most}.");
}
