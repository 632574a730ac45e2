using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Inference.Streaming;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>The Lua scripts that Redis runs; their sources are in the folder <c>Scripts</c>.</summary>
public static class AdmissionScripts
{
    private static readonly string Admission = Read("admission.lua");
    private static readonly byte[] AdmissionHash = HashOf(Admission);
    private static readonly byte[] AdmissionByHash = Command("EVALSHA", Convert.ToHexStringLower(AdmissionHash));
    private static readonly byte[] AdmissionByText = Command("EVAL", Admission);

    /// <summary>Sets budgets to the use that the database has.</summary>
    public static readonly string Reconcile = Read("reconcile.lua");

    /// <summary>Runs the script that settles and admits calls.</summary>
    internal static async Task<RedisResult> AdmitAsync(IDatabase database, RedisKey[] keys, RedisValue[] values)
    {
        try
        {
            // The client's overload with the script's text would hash the text at each call.
            return await database.ScriptEvaluateAsync(AdmissionHash, keys, values);
        }
        catch (RedisServerException exception) when (exception.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            // The server has never seen the script, or was restarted: nothing was run.
            return await database.ScriptEvaluateAsync(Admission, keys, values);
        }
    }

    /// <summary>Writes the command in Redis's protocol, for admission's own connection.</summary>
    internal static void Write(PooledBytes command, RedisKey[] keys, RedisValue[] values, bool asText)
    {
        WriteCount(command, '*', 3 + keys.Length + values.Length);
        command.Append(asText ? AdmissionByText : AdmissionByHash);
        WriteBulk(command, keys.Length);
        foreach (var key in keys)
        {
            var bytes = (byte[])key!;
            WriteCount(command, '$', bytes.Length);
            command.Append(bytes);
            command.Append("\r\n"u8);
        }

        foreach (var value in values)
        {
            WriteBulk(command, value);
        }
    }

    private static void WriteBulk(PooledBytes command, RedisValue value)
    {
        var length = value.GetByteCount();
        WriteCount(command, '$', length);
        value.CopyTo(command.GetSpan(length));
        command.Advance(length);
        command.Append("\r\n"u8);
    }

    private static void WriteCount(PooledBytes command, char type, int count)
    {
        var span = command.GetSpan(16);
        span[0] = (byte)type;
        Utf8Formatter.TryFormat(count, span[1..], out var written);
        command.Advance(1 + written);
        command.Append("\r\n"u8);
    }

    private static byte[] Command(string name, string script) =>
        Encoding.UTF8.GetBytes($"${name.Length}\r\n{name}\r\n${Encoding.UTF8.GetByteCount(script)}\r\n{script}\r\n");

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
