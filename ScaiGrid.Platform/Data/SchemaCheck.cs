using System.Data.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Migrations;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Fails closed: a host does not serve on a schema without the migrations of its own build. Migrations unknown to this build are accepted,
/// because those within a minor version are backwards-compatible.
/// </summary>
public sealed partial class SchemaCheck(DatabaseOptions options, ILogger<SchemaCheck> logger)
{
    /// <summary>
    /// Called by each host before it runs. False means that migrations are pending: the host must exit with code 1, and the reason has been
    /// logged. While the database is unavailable the schema is unknown: the host starts, and is not ready until this check passes.
    /// </summary>
    public static async Task<bool> PassesAsync(IHost host, CancellationToken cancellationToken = default)
    {
        var check = host.Services.GetRequiredService<SchemaCheck>();
        try
        {
            var pending = await check.PendingAsync(cancellationToken);
            if (pending.Count > 0)
            {
                var names = string.Join(", ", pending.Select(step => $"{step.Version} {step.Name}"));
                check.MigrationsPending(pending.Count, names);
            }

            return pending.Count == 0;
        }
        catch (DbException exception)
        {
            check.SchemaUnknown(exception.Message);
            return true;
        }
    }

    /// <summary>The core migrations of this build that the database does not have, oldest first. No retries: a health probe cannot wait for them.</summary>
    internal async Task<IReadOnlyList<MigrationStep>> PendingAsync(CancellationToken cancellationToken)
    {
        await using var connection = await options.Address.OpenAsync(cancellationToken);
        return await AppliedVersions.PendingAsync(connection, MigrationStream.Core, cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The database lacks {Count} core migration(s) of this build ({Names}): run migrate first. Not starting.")]
    private partial void MigrationsPending(int count, string names);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database cannot be reached, so its schema is unknown: starting, and not ready until it answers. {Reason}")]
    private partial void SchemaUnknown(string reason);
}
