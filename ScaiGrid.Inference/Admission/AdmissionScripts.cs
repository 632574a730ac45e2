using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>The scripts that Redis runs, each a file beside this one.</summary>
public static class AdmissionScripts
{
    private static readonly string Admission = Read("admission.lua");
    private static readonly byte[] AdmissionHash = HashOf(Admission);

    /// <summary>For whoever knows a budget's use from the database.</summary>
    public static readonly string Reconcile = Read("reconcile.lua");

    /// <summary>Settles and admits: see the script.</summary>
    internal static async Task<RedisResult> AdmitAsync(IDatabase database, RedisKey[] keys, RedisValue[] values)
    {
        try
        {
            // The client can do the same with the text, which it then looks up, and hashes for that, at each call.
            return await database.ScriptEvaluateAsync(AdmissionHash, keys, values);
        }
        catch (RedisServerException exception) when (exception.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            // A server that has never seen it, or was started again: nothing was run.
            return await database.ScriptEvaluateAsync(Admission, keys, values);
        }
    }

#pragma warning disable CA5350 // Redis names scripts by their SHA-1.
    private static byte[] HashOf(string script) => SHA1.HashData(Encoding.UTF8.GetBytes(script));
#pragma warning restore CA5350

    private static string Read(string name)
    {
        using var stream = typeof(AdmissionScripts).Assembly.GetManifestResourceStream($"ScaiGrid.Inference.Admission.Scripts.{name}")
            ?? throw new InvalidOperationException($"The script {name} is not in the build.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
