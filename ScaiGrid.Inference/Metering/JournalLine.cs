using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>A usage record as serialised in the journal and in Redis. Only the fields needed for shipping are parsed.</summary>
internal readonly record struct JournalLine(string TenantId, ReadOnlyMemory<byte> Id, ReadOnlyMemory<byte> Json, bool IsNote)
{
    public static JournalLine Of(UsageRecord record) =>
        new(record.TenantId, Encoding.ASCII.GetBytes(record.Id), JsonSerializer.SerializeToUtf8Bytes(record, UsageJson.Default.UsageRecord), record.IsNote);

    /// <summary>
    /// Appends the record with a line feed before and after it, so that the incomplete record of a writer that died does not spoil its neighbours.
    /// </summary>
    public void WriteTo(PooledBytes output)
    {
        output.Append("\n"u8);
        output.Append(Json.Span);
        output.Append("\n"u8);
    }

    /// <param name="json">A line of the journal.</param>
    /// <param name="tenantId">The tenant of the previous line, reused instead of allocating an equal string.</param>
    /// <param name="line">The record.</param>
    /// <returns>False if the line is not a complete record.</returns>
    public static bool TryRead(ReadOnlyMemory<byte> json, string? tenantId, out JournalLine line)
    {
        line = default;
        ReadOnlyMemory<byte> id = default;
        string? tenant = null;
        var isNote = false;
        try
        {
            var reader = new Utf8JsonReader(json.Span);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isId, isTenant, saysNote) = (reader.ValueTextEquals("id"u8), reader.ValueTextEquals("tenant_id"u8), reader.ValueTextEquals("is_note"u8));
                reader.Read();
                if (isId)
                {
                    id = json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
                }
                else if (isTenant)
                {
                    tenant = tenantId is not null && reader.ValueTextEquals(tenantId) ? tenantId : reader.GetString();
                }

                isNote |= saysNote && reader.TokenType == JsonTokenType.True;
                reader.Skip();
            }

            // Nothing may follow the object.
            if (reader.Read() || id.IsEmpty || tenant is null)
            {
                return false;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }

        line = new JournalLine(tenant, id, json, isNote);
        return true;
    }
}
