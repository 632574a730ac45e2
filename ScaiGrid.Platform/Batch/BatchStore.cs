using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;

namespace ScaiGrid.Platform.Batch;

/// <summary>Creates and cancels batches, for both surfaces.</summary>
internal sealed class BatchStore(IDbContextFactory<PlatformDb> databases, FileStore files, BatchOptions options, TimeProvider time)
{
    /// <summary>Refuses a batch before its input is stored.</summary>
    /// <exception cref="ApiException">The tenant has as many open batches as allowed.</exception>
    public static Task ThrowIfFullAsync(PlatformDb db, Caller caller, BatchOptions options, CancellationToken cancellationToken) =>
        Open(db, caller.TenantId).ThrowIfFullAsync(options.OpenBatchesPerTenant, BatchErrors.TooMany, cancellationToken);

    /// <summary>Adds a batch, its first job and, if it came with its input, the file's row.</summary>
    public async Task<BatchRow> AddAsync(Caller caller, AuditEntry audit, NewBatch wanted, StoredFile? input, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var row = new BatchRow
        {
            Id = Ids.New(Ids.Batch, time),
            TenantId = caller.TenantId,
            PartnerId = caller.PartnerId,
            UserId = caller.UserId,
            ApiKeyId = caller.ApiKeyId,
            Surface = wanted.Surface,
            Endpoint = wanted.Endpoint,
            CompletionWindow = wanted.Window,
            PricePercent = options.PricePercent(wanted.Window),
            Status = BatchStatus.Validating,
            InputUrl = wanted.InputUrl,
            InputFileId = wanted.InputFileId,
            Metadata = wanted.Metadata,
            CreatedAt = now,
            ExpiresAt = now + BatchOptions.Length(wanted.Window),
        };
        audit.ResourceId = row.Id;
        await databases.TransactAsync(
            async (db, token) =>
            {
                await db.ThrowIfFullAsync(row.TenantId, Open(db, row.TenantId), options.OpenBatchesPerTenant, BatchErrors.TooMany, token);
                if (input is not null)
                {
                    await files.AddAsync(db, input, token);
                }

                db.Batches.Add(row);
                BatchJob.Add(db, row, BatchStep.Validate, time);
            },
            cancellationToken);
        return row;
    }

    /// <returns>The batch after the change.</returns>
    /// <exception cref="ApiException">The caller has no batch with this id, or it has already ended.</exception>
    public Task<BatchRow> CancelAsync(string id, Caller caller, CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, token) =>
        {
            var now = time.GetStoredNow();
            var cancelled = await db.Batches.Of(caller)
                .Where(batch => batch.Id == id && (batch.Status == BatchStatus.Validating || batch.Status == BatchStatus.InProgress))
                .ExecuteUpdateAsync(
                    batch => batch.SetProperty(row => row.Status, BatchStatus.Cancelling).SetProperty(row => row.CancellingAt, now), token);
            var row = await db.Batches.AsNoTracking().Of(caller).SingleOrDefaultAsync(batch => batch.Id == id, token) ?? throw new ApiException(CoreErrors.NotFound);
            return cancelled == 1 || row.Status == BatchStatus.Cancelling ? row : throw new ApiException(BatchErrors.Over);
        },
        cancellationToken);

    private static IQueryable<BatchRow> Open(PlatformDb db, string tenantId) => db.Batches.Where(batch => batch.TenantId == tenantId && batch.EndedAt == null);

    public static string Window(Checks checks, string field, string? value) => checks.OneOf(field, value, "24h", "24h", "4h", "1h");
}

/// <summary>A validated request for a batch.</summary>
internal sealed record NewBatch(string Surface, string? Endpoint, string Window, string? InputUrl, string? InputFileId, string Metadata);

internal static class OwnBatches
{
    /// <summary>Restricts batches to those of the caller's user.</summary>
    public static IQueryable<BatchRow> Of(this IQueryable<BatchRow> batches, Caller caller) =>
        batches.Where(batch => batch.TenantId == caller.TenantId && batch.UserId == caller.UserId);
}
