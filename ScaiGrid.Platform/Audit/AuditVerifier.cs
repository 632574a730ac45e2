using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>Walks a tenant's chain from its first row to its end, page by page.</summary>
internal static class AuditVerifier
{
    private const int Page = 2000;

    /// <param name="db">For the end of the chain.</param>
    /// <param name="tenantId">Whose chain.</param>
    /// <param name="rows">The tenant's.</param>
    /// <param name="cancellationToken">Of the call.</param>
    public static async Task<AuditVerdict> VerifyAsync(PlatformDb db, string tenantId, IQueryable<AuditRow> rows, CancellationToken cancellationToken)
    {
        // Read first: rows that are added meanwhile lie behind it.
        var end = await db.AuditChainEnds.AsNoTracking().SingleOrDefaultAsync(chain => chain.TenantId == tenantId, cancellationToken);
        var (sequence, hash) = (0L, "");
        while (sequence < (end?.Sequence ?? 0))
        {
            var (from, to) = (sequence, end!.Sequence);
            var page = await rows.Where(row => row.Sequence > from && row.Sequence <= to).OrderBy(row => row.Sequence).Take(Page).ToListAsync(cancellationToken);
            if (page.Count == 0)
            {
                return Broken(sequence, end, new AuditBreak(sequence + 1, null, "The rows from here to the end of the chain are missing."));
            }

            foreach (var row in page)
            {
                if (Fault(row, sequence, hash) is { } fault)
                {
                    return Broken(sequence, end, new AuditBreak(row.Sequence, row.Id, fault));
                }

                (sequence, hash) = (row.Sequence, row.Hash);
            }
        }

        if (end is null && await rows.OrderBy(row => row.Sequence).FirstOrDefaultAsync(cancellationToken) is { } orphan)
        {
            return new AuditVerdict(false, 0, 0, "", new AuditBreak(orphan.Sequence, orphan.Id, "The chain has no end: it was removed."));
        }

        return end is not null && end.Hash != hash
            ? Broken(sequence, end, new AuditBreak(sequence, null, "The last row is not the one that the chain ends with."))
            : new AuditVerdict(true, sequence, end?.Sequence ?? 0, end?.Hash ?? "", null);
    }

    private static string? Fault(AuditRow row, long sequence, string hash) =>
        row.Sequence != sequence + 1 ? $"Rows {sequence + 1} to {row.Sequence - 1} are missing before this one."
        : row.PreviousHash != hash ? "It does not follow the row before it."
        : row.Hash != AuditHash.Of(row) ? "It was changed after it was stored."
        : null;

    private static AuditVerdict Broken(long verified, AuditChainEnd end, AuditBreak where) => new(false, verified, end.Sequence, end.Hash, where);
}

/// <param name="Valid">Whether no row was changed, added, or taken away.</param>
/// <param name="VerifiedRows">As far as the chain is whole.</param>
/// <param name="LastSequence">Of the chain's end. Kept elsewhere together with its hash, it shows later whether all was rewritten.</param>
/// <param name="LastHash">Of the chain's end.</param>
/// <param name="FirstBreak">Where the chain breaks; null where it does not.</param>
internal sealed record AuditVerdict(bool Valid, long VerifiedRows, long LastSequence, string LastHash, AuditBreak? FirstBreak);

/// <param name="Sequence">Where in the chain.</param>
/// <param name="Id">The row; null where it is missing.</param>
/// <param name="Reason">What is wrong.</param>
internal sealed record AuditBreak(long Sequence, string? Id, string Reason);
