using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>Verifies a tenant's chain from its first row to its end, page by page.</summary>
internal static class AuditVerifier
{
    private const int Page = 2000;

    /// <param name="db">Reads the end of the chain.</param>
    /// <param name="tenantId">The tenant.</param>
    /// <param name="rows">The tenant's rows.</param>
    /// <param name="cancellationToken">The call's token.</param>
    public static async Task<AuditVerdict> VerifyAsync(PlatformDb db, string tenantId, IQueryable<AuditRow> rows, CancellationToken cancellationToken)
    {
        // Read first: rows that are added in the meantime come after it.
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

/// <param name="Valid">Whether no row was changed, inserted or removed.</param>
/// <param name="VerifiedRows">The number of rows up to the first break, or all.</param>
/// <param name="LastSequence">The sequence of the chain's end. If stored elsewhere together with its hash, it proves later that the chain was not
/// rewritten.</param>
/// <param name="LastHash">The hash of the chain's end.</param>
/// <param name="FirstBreak">The first break of the chain; null if there is none.</param>
internal sealed record AuditVerdict(bool Valid, long VerifiedRows, long LastSequence, string LastHash, AuditBreak? FirstBreak);

/// <param name="Sequence">The position in the chain.</param>
/// <param name="Id">The row's id; null if it is missing.</param>
/// <param name="Reason">The kind of break.</param>
internal sealed record AuditBreak(long Sequence, string? Id, string Reason);
