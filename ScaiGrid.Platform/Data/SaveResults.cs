using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Data;

internal static class SaveResults
{
    /// <summary>Saves, and translates constraint violations into the feature's errors. A check beforehand would be a race.</summary>
    /// <exception cref="ApiException">A constraint was violated.</exception>
    public static async Task SaveOrThrowAsync(
        this DbContext db, CancellationToken cancellationToken, Error? duplicate = null, Error? referenced = null)
    {
        try
        {
            await db.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException exception) when (duplicate is not null && DatabaseErrors.IsUniqueViolation(exception))
        {
            throw new ApiException(duplicate);
        }
        catch (DbUpdateException exception) when (referenced is not null && DatabaseErrors.IsForeignKeyViolation(exception))
        {
            throw new ApiException(referenced);
        }
    }
}
