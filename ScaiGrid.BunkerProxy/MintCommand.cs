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
        var builder = Host.CreateApplicationBuilder();
        var keys = builder.AddSettings<CapabilityOptions>();
        builder.RequireCapabilityKey();
        builder.CheckSettings();

        if (Parse(args, TimeProvider.System) is not { } capability)
        {
            await Console.Error.WriteLineAsync(Help);
            return Usage;
        }

        Console.WriteLine(new CapabilitySigner(keys, TimeProvider.System).Mint(capability));
        return 0;
    }

    private static StorageCapability? Parse(string[] args, TimeProvider time)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < args.Length; i += 2)
        {
            if (i + 1 == args.Length || !args[i].StartsWith("--", StringComparison.Ordinal) || !Options.Contains(args[i][2..]) || !given.TryAdd(args[i][2..], args[i + 1]))
            {
                return null;
            }
        }

        if (!TryMethods(given.GetValueOrDefault("methods"), out var methods)
            || !TryNumber(given.GetValueOrDefault("expires-in", "3600"), out var lifetime) || lifetime > MaxLifetimeSeconds
            || !TryNumber(given.GetValueOrDefault("max-bytes", long.MaxValue.ToString(CultureInfo.InvariantCulture)), out var maxBytes))
        {
            return null;
        }

        var expiresAt = time.GetUtcNow().AddSeconds(lifetime);
        long? limit = given.ContainsKey("max-bytes") ? maxBytes : null;
        return (given.GetValueOrDefault("key"), given.GetValueOrDefault("prefix")) switch
        {
            ({ } key, null) when BlobKey.IsValid(key) => StorageCapability.ForKey(key, methods, expiresAt, limit),
            (null, { } prefix) when prefix.Length == 0 || BlobKey.IsValid(prefix.TrimEnd('/')) => StorageCapability.ForPrefix(prefix, methods, expiresAt, limit),
            _ => null,
        };
    }

    private static bool TryMethods(string? text, out StorageMethods methods)
    {
        methods = StorageMethods.None;
        foreach (var word in (text ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            if (!char.IsLetter(word.FirstOrDefault()) || !Enum.TryParse<StorageMethods>(word, ignoreCase: true, out var method) || method == StorageMethods.None)
            {
                return false;
            }

            methods |= method;
        }

        return true;
    }

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
}
