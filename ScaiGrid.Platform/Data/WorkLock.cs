using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Serialises transactions that do the same work: each waits for the one before it to commit.</summary>
public static class WorkLock
{
    /// <summary>Takes the lock called <paramref name="name"/> until the running transaction ends. Take it before the first read.</summary>
    public static async Task TakeLockAsync(this DbContext db, string name, CancellationToken cancellationToken)
    {
        if (db.Database.CurrentTransaction is null)
        {
            throw new InvalidOperationException("A lock is held by a transaction; begin one first.");
        }

        // On SQLite a transaction has the only write lock from its start (BEGIN IMMEDIATE).
        if (!db.Database.IsSqlite())
        {
            // Makes the row or finds it, and locks it either way.
            await db.Database.ExecuteSqlAsync($"INSERT INTO work_locks (name) VALUES ({name}) ON DUPLICATE KEY UPDATE name = name", cancellationToken);
        }
    }
}
