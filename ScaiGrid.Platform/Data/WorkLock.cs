using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Serialises transactions that do the same work: each waits for the previous one to commit.</summary>
public static class WorkLock
{
    /// <summary>Takes the lock called <paramref name="name"/> until the current transaction ends. Take it before reading what it protects.</summary>
    public static async Task TakeLockAsync(this DbContext db, string name, CancellationToken cancellationToken)
    {
        if (db.Database.CurrentTransaction is null)
        {
            throw new InvalidOperationException("A lock is held by a transaction; begin one first.");
        }

        // On SQLite a transaction holds the only write lock from its start (BEGIN IMMEDIATE).
        if (!db.Database.IsSqlite())
        {
            // Creates the row if it does not exist, and locks it in either case.
            await db.Database.ExecuteSqlAsync($"INSERT INTO work_locks (name) VALUES ({name}) ON DUPLICATE KEY UPDATE name = name", cancellationToken);
        }
    }
}
