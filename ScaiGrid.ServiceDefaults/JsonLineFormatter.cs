using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Writes a log entry as one line of JSON: timestamp, level, category, event, message, the fields of scopes and message, exception.
/// </summary>
internal sealed class JsonLineFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "scaigrid-json";

    // Log lines are not HTML: quotes and umlauts stay readable. Control characters and unpaired surrogates are still escaped.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_buffer;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        // Taken out while in use: a value whose ToString logs would enter this method again on the same thread.
        var buffer = t_buffer ?? new ArrayBufferWriter<byte>(1024);
        t_buffer = null;
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            WriteEntry(json, logEntry, scopeProvider);
        }

        textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
        buffer.ResetWrittenCount();
        t_buffer = buffer;
    }

    private void WriteEntry<TState>(Utf8JsonWriter json, in LogEntry<TState> entry, IExternalScopeProvider? scopes)
    {
        json.WriteStartObject();
        json.WriteString("timestamp"u8, time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        json.WriteString("level"u8, LevelName(entry.LogLevel));
        json.WriteString("category"u8, entry.Category);
        json.WriteString("event"u8, entry.EventId.Name is { } name ? LogFields.SnakeCase(name) : entry.EventId.Id.ToString(CultureInfo.InvariantCulture));
        json.WriteString("message"u8, LogFields.Clip(Message(entry)));

        var fields = new LogFields();
        scopes?.ForEachScope(static (scope, fields) => fields.Add(scope), fields);
        fields.Add(entry.State);
        fields.WriteTo(json);

        if (entry.Exception is { } exception)
        {
            json.WriteStartObject("exception"u8);
            json.WriteString("type"u8, exception.GetType().FullName);
            json.WriteString("message"u8, LogFields.Clip(exception.Message));
            json.WriteString("stack"u8, LogFields.Clip(exception.ToString()));
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static string Message<TState>(in LogEntry<TState> entry)
    {
        try
        {
            return entry.Formatter(entry.State, entry.Exception) ?? "";
        }
        catch (Exception exception)
        {
            // A value that cannot be formatted must not break the code that logs it.
            return $"({exception.GetType().Name})";
        }
    }

    private static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "information",
        LogLevel.Warning => "warning",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
