using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using MySqlConnector;

namespace ScaiGrid.Platform.Data;

/// <summary>Classifies the exceptions of both databases.</summary>
public static class DatabaseErrors
{
    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;
    private const int SqliteUnique = 2067;
    private const int SqlitePrimaryKey = 1555;
    private const int SqliteForeignKey = 787;

    // Galera: a node that is not part of its cluster, and a commit that lost against one on another node.
    private const int WsrepNotReady = 1047;
    private const int ErrorDuringCommit = 1180;

    // A transaction at REPEATABLE READ locks a row that was committed since its first read, and is rolled back: innodb_snapshot_isolation, on by default
    // from MariaDB 11.6. Ours are READ COMMITTED.
    private const int ChangedSinceRead = 1020;

    // The server is shutting down, killed the connection, or has become read-only because another one is the writer now.
    private static readonly int[] FailoverErrors = [1053, 1290, 1792, 1836, 1927, 2006, 2013, WsrepNotReady, ErrorDuringCommit];

    /// <summary>Whether the same unit of work may succeed when it is repeated from its start.</summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsTransient(inner),
        MySqlException mysql => mysql.IsTransient || mysql.Number == ChangedSinceRead || FailoverErrors.Contains(mysql.Number) || IsConnectionLost(mysql),
        MySqlEndOfStreamException => true,
        _ => IsOfDriver(exception),
    };

    /// <summary>Whether the database is unavailable, as opposed to rejecting a statement.</summary>
    public static bool IsAway(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsAway(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.UnableToConnectToHost or MySqlErrorCode.ConnectionCountError
            || mysql.Number is 1053 or 1927 or 2006 or 2013 or WsrepNotReady || IsConnectionLost(mysql),

        // If the connection breaks while a transaction begins, the driver does not wrap the stream's exception.
        MySqlEndOfStreamException => true,
        SqliteException sqlite => sqlite.SqliteErrorCode is 14,
        _ => IsOfDriver(exception),
    };

    /// <summary>Whether a statement took too long, for example because it waited for a lock. Repeating it at once would only take as long again.</summary>
    public static bool IsTimeout(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsTimeout(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.CommandTimeoutExpired or MySqlErrorCode.LockWaitTimeout,
        SqliteException sqlite => sqlite.SqliteErrorCode is SqliteBusy or SqliteLocked,
        _ => false,
    };

    /// <summary>Whether a row with the same key, slug or name already exists.</summary>
    public static bool IsUniqueViolation(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsUniqueViolation(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.DuplicateKeyEntry,
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is SqliteUnique or SqlitePrimaryKey,
        _ => false,
    };

    /// <summary>Whether a referenced row does not exist, or the row to delete is still referenced.</summary>
    public static bool IsForeignKeyViolation(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsForeignKeyViolation(inner),
        MySqlException mysql => mysql.ErrorCode is MySqlErrorCode.NoReferencedRow2 or MySqlErrorCode.RowIsReferenced2,
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is SqliteForeignKey,
        _ => false,
    };

    // If a connection breaks, the driver throws an exception without a number, with the stream's exception inside. A statement's timeout looks
    // the same, but repeating the statement would only take as long again.
    private static bool IsConnectionLost(MySqlException exception) =>
        exception.ErrorCode is not MySqlErrorCode.CommandTimeoutExpired && exception.InnerException is IOException or SocketException;

    // If sending fails, for example because the connection was reset just after it was opened, the driver does not wrap the exception. Other
    // sockets and files throw the same types, but not from within the driver.
    private static bool IsOfDriver(Exception exception) =>
        exception is IOException or SocketException && exception.StackTrace?.Contains($" {nameof(MySqlConnector)}.", StringComparison.Ordinal) == true;
}
