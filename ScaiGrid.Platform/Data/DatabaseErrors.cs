using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using MySqlConnector;

namespace ScaiGrid.Platform.Data;

/// <summary>What a database's exception means, whichever database it is.</summary>
public static class DatabaseErrors
{
    private const int SqliteUnique = 2067;
    private const int SqlitePrimaryKey = 1555;
    private const int SqliteForeignKey = 787;

    // Galera: a node that left or has not yet joined its cluster, and a commit that lost against another node's.
    private const int WsrepNotReady = 1047;
    private const int ErrorDuringCommit = 1180;

    // The server shuts down, killed the connection, or became read-only because another one is the writer now.
    private static readonly int[] FailoverErrors = [1053, 1290, 1792, 1836, 1927, 2006, 2013, WsrepNotReady, ErrorDuringCommit];

    /// <summary>The same unit of work may succeed when it is run again from its start.</summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsTransient(inner),
        MySqlException mysql => mysql.IsTransient || FailoverErrors.Contains(mysql.Number) || IsConnectionLost(mysql),
        MySqlEndOfStreamException => true,
        _ => false,
    };

    /// <summary>The database cannot be reached now, as opposed to refusing what it was asked.</summary>
    public static bool IsAway(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsAway(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.UnableToConnectToHost or MySqlErrorCode.ConnectionCountError
            || mysql.Number is 1053 or 1927 or 2006 or 2013 or WsrepNotReady || IsConnectionLost(mysql),

        // Where the connection breaks while a transaction begins, the driver lets the stream's own exception through.
        MySqlEndOfStreamException => true,
        SqliteException sqlite => sqlite.SqliteErrorCode is 14,
        _ => false,
    };

    /// <summary>A row with the same key, slug, name … is there already.</summary>
    public static bool IsUniqueViolation(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsUniqueViolation(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.DuplicateKeyEntry,
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is SqliteUnique or SqlitePrimaryKey,
        _ => false,
    };

    /// <summary>The row that is named does not exist, or the row to delete is still named by another.</summary>
    public static bool IsForeignKeyViolation(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsForeignKeyViolation(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.NoReferencedRow2 or MySqlErrorCode.RowIsReferenced2,
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is SqliteForeignKey,
        _ => false,
    };

    // The driver reports a connection that broke in the middle with the stream's exception inside and no number of its own. A statement
    // that ran into its timeout looks alike; running it again would only take as long again.
    private static bool IsConnectionLost(MySqlException exception) =>
        exception.ErrorCode is not MySqlErrorCode.CommandTimeoutExpired && exception.InnerException is IOException or SocketException;
}
