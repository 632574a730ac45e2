using System.Data.Common;
using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Appends rows to a tenant's hash chain, in a transaction that the caller commits. The end of the chain is a row that stays locked until the
/// commit, so that two replicas never append to the same row. On SQLite, the transaction holds the only write lock anyway.
/// </summary>
internal sealed partial class AuditChain(TimeProvider time, ILogger<AuditChain> logger)
{
    private const string Find = "SELECT sequence, hash FROM audit_chains WHERE tenant_id = @tenant";

    // Creates the row if it does not exist, and locks it in either case.
    private const string LockOnMariaDb =
        "INSERT INTO audit_chains (tenant_id, sequence, hash) VALUES (@tenant, 0, '') ON DUPLICATE KEY UPDATE sequence = sequence; " + Find + " FOR UPDATE";

    private const string LockOnSqlite = "INSERT OR IGNORE INTO audit_chains (tenant_id, sequence, hash) VALUES (@tenant, 0, ''); " + Find;

    private const string Add =
        """
        INSERT INTO audit_log (id, tenant_id, sequence, partner_id, created_at, action, actor_id, actor_email, actor_type,
            resource_type, resource_id, ip_address, user_agent, status, request_id, changes, previous_hash, hash)
        VALUES (@id, @tenant, @sequence, @partner, @at, @action, @actor, @email, @actor_type,
            @type, @resource, @ip, @agent, @status, @request, @changes, @previous, @hash);
        UPDATE audit_chains SET sequence = @sequence, hash = @hash WHERE tenant_id = @tenant;
        """;

    /// <summary>Appends a row. Call it last: other writers of the tenant wait until the transaction ends.</summary>
    /// <param name="transaction">The transaction of the audited write.</param>
    /// <param name="call">The audited call.</param>
    /// <param name="changes">The changed rows.</param>
    /// <param name="status">One of <see cref="AuditStatus"/>.</param>
    /// <param name="cancellationToken">The call's token.</param>
    public async Task AppendAsync(
        DbTransaction transaction, AuditCall call, AuditChanges? changes, string status, CancellationToken cancellationToken)
    {
        var (tenantId, partnerId) = await PlaceAsync(transaction, call, changes, cancellationToken);
        if (tenantId.Length == 0)
        {
            RowWithoutTenant(call.Entry.Action, status, AuditText.Id(call.Entry.ResourceId, AuditRow.AsciiLength));
            return;
        }

        var (sequence, previous) = await LockAsync(transaction, tenantId, cancellationToken);
        var entry = call.Entry;
        var row = new AuditRow
        {
            // Created while holding the lock, so that ids and times are in the chain's order as far as the replicas' clocks agree.
            Id = Ids.New(Ids.Audit, time),
            CreatedAt = time.GetStoredNow(),
            TenantId = tenantId,
            Sequence = sequence + 1,
            PartnerId = partnerId,
            Action = entry.Action,
            ActorId = AuditText.Ascii(entry.ActorId ?? call.Caller?.UserId, Ids.MaxLength),
            ActorEmail = AuditText.Cut(entry.ActorEmail ?? call.Caller?.Email, AuditRow.EmailLength),
            ActorType = call.ActorType,
            ResourceType = entry.ResourceType,
            ResourceId = AuditText.Id(entry.ResourceId ?? changes?.ResourceId ?? call.RouteId, AuditRow.AsciiLength),
            IpAddress = AuditText.Ascii(entry.IpAddress, 64),
            UserAgent = AuditText.Cut(entry.UserAgent, AuditRow.TextLength),
            Status = status,
            RequestId = AuditText.Ascii(entry.RequestId, AuditRow.AsciiLength),
            Changes = AuditChanges.ToJson(changes, entry.Details),
            PreviousHash = previous,
            Hash = "",
        };
        await AddAsync(transaction, row, AuditHash.Of(row), cancellationToken);
    }

    /// <summary>The tenant set by the handler, otherwise that of the changed rows, otherwise the caller's. Empty if there is none.</summary>
    private static async Task<(string TenantId, string PartnerId)> PlaceAsync(
        DbTransaction transaction, AuditCall call, AuditChanges? changes, CancellationToken cancellationToken)
    {
        var caller = call.Caller;
        var tenantId = call.Entry.TenantId ?? changes?.TenantId ?? caller?.TenantId ?? call.ElseTenantId ?? "";
        if (tenantId.Length == 0 || call.Entry.PartnerId is not null || tenantId == caller?.TenantId)
        {
            return (tenantId, call.Entry.PartnerId ?? caller?.PartnerId ?? "");
        }

        await using var command = Command(transaction, "SELECT partner_id FROM tenants WHERE id = @tenant", ("@tenant", tenantId));
        return (tenantId, await command.ExecuteScalarAsync(cancellationToken) as string ?? "");
    }

    private static async Task<(long Sequence, string Hash)> LockAsync(DbTransaction transaction, string tenantId, CancellationToken cancellationToken)
    {
        var sql = transaction is SqliteTransaction ? LockOnSqlite : LockOnMariaDb;
        await using var command = Command(transaction, sql, ("@tenant", tenantId));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (reader.FieldCount == 0)
        {
            await reader.NextResultAsync(cancellationToken);
        }

        return await reader.ReadAsync(cancellationToken)
            ? (reader.GetInt64(0), reader.GetString(1))
            : throw new InvalidOperationException("The end of an audit chain could not be read.");
    }

    private static async Task AddAsync(DbTransaction transaction, AuditRow row, string hash, CancellationToken cancellationToken)
    {
        await using var command = Command(
            transaction,
            Add,
            ("@id", row.Id),
            ("@tenant", row.TenantId),
            ("@sequence", row.Sequence),
            ("@partner", row.PartnerId),
            ("@at", Microseconds.From(row.CreatedAt)),
            ("@action", row.Action),
            ("@actor", row.ActorId),
            ("@email", row.ActorEmail),
            ("@actor_type", row.ActorType),
            ("@type", row.ResourceType),
            ("@resource", row.ResourceId),
            ("@ip", row.IpAddress),
            ("@agent", row.UserAgent),
            ("@status", row.Status),
            ("@request", row.RequestId),
            ("@changes", row.Changes),
            ("@previous", row.PreviousHash),
            ("@hash", hash));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static DbCommand Command(DbTransaction transaction, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        command.Add(parameters);
        return command;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Action} ({Status}) of {Resource} has no audit row: it belongs to no tenant.")]
    private partial void RowWithoutTenant(string action, string status, string resource);
}

/// <summary>Makes text storable: the hash covers it byte by byte, so it must be read back unchanged.</summary>
internal static class AuditText
{
    /// <summary>Cuts a text to <paramref name="length"/> characters, without splitting a surrogate pair.</summary>
    public static string Cut(string? text, int length)
    {
        // Encoding replaces unpaired surrogates, which no database stores.
        var whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text ?? ""));
        if (whole.Length <= length)
        {
            return whole;
        }

        return whole[..(char.IsHighSurrogate(whole[length - 1]) ? length - 1 : length)];
    }

    /// <summary>A resource id from a path, escaped if it is not ASCII, so that it stays distinguishable.</summary>
    public static string Id(string? text, int length) => Ascii(text is null || System.Text.Ascii.IsValid(text) ? text : Uri.EscapeDataString(text), length);

    /// <summary>A text with a question mark for each character outside ASCII.</summary>
    public static string Ascii(string? text, int length)
    {
        var ascii = Encoding.ASCII.GetString(Encoding.ASCII.GetBytes(text ?? ""));
        return ascii.Length <= length ? ascii : ascii[..length];
    }
}
