using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Data;

/// <summary>Limits how many rows of a kind a tenant or a user may have.</summary>
internal static class RowLimit
{
    /// <summary>
    /// Refuses another row. Counts under a lock, so that rows added at once do not pass the limit together: call it in the transaction that adds the row.
    /// </summary>
    /// <param name="db">The transaction's context.</param>
    /// <param name="owner">The id of the tenant or the user.</param>
    /// <param name="rows">The owner's rows that count.</param>
    /// <param name="most">How many there may be; 0 for no limit.</param>
    /// <param name="full">The error if there are as many.</param>
    /// <param name="cancellationToken">Cancels counting.</param>
    /// <exception cref="ApiException">The owner has as many rows as allowed.</exception>
    public static async Task ThrowIfFullAsync<T>(
        this PlatformDb db, string owner, IQueryable<T> rows, int most, Error full, CancellationToken cancellationToken)
        where T : class
    {
        if (most > 0)
        {
            await db.TakeLockAsync($"{db.Model.FindEntityType(typeof(T))!.GetTableName()}/{owner}", cancellationToken);
            await rows.ThrowIfFullAsync(most, full, cancellationToken);
        }
    }

    /// <summary>Does the same without a lock, for a check before the work that the row is for.</summary>
    public static async Task ThrowIfFullAsync<T>(this IQueryable<T> rows, int most, Error full, CancellationToken cancellationToken)
    {
        if (most > 0 && await rows.CountAsync(cancellationToken) >= most)
        {
            throw new ApiException(full);
        }
    }
}
