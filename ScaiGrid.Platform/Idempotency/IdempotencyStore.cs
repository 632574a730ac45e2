using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Idempotency;

/// <summary>
/// Stores which call carries out the write of a key, and its response. The claim is a row, which the write's own transaction marks as committed
/// (<see cref="MarkCommittedAsync"/>), so a write is stored at most once, even if replicas die and claims are taken over.
/// </summary>
internal sealed class IdempotencyStore(DatabaseOptions database, IDbContextFactory<PlatformDb> contexts, SecretBox box, TimeProvider time)
{
    /// <summary>How long a key stays blocked if its replica dies during the write.</summary>
    private static readonly TimeSpan Claim = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <summary>Claims the key for this call, or returns the result of an earlier one: its stored response, or a problem.</summary>
    public async Task<(IdempotencyClaim? Claim, KeptAnswer? Answer, Problem? Problem)> TryClaimAsync(
        string id, string fingerprint, CancellationToken cancellationToken)
    {
        var claim = new IdempotencyClaim(id, Ulid.NewUlid(time.GetUtcNow()).ToString());
        if (await InsertAsync(claim, fingerprint, cancellationToken))
        {
            return (claim, null, null);
        }

        var now = time.GetUtcNow();
        await using var db = await contexts.CreateDbContextAsync(cancellationToken);
        var row = await db.IdempotencyKeys.AsNoTracking().SingleOrDefaultAsync(key => key.Id == id, cancellationToken);
        if (row is null || row.ExpiresAt <= now)
        {
            // Deleted in the meantime, or expired.
            await db.IdempotencyKeys.Where(key => key.Id == id && key.ExpiresAt <= now).ExecuteDeleteAsync(cancellationToken);
            return await InsertAsync(claim, fingerprint, cancellationToken) ? (claim, null, null) : (null, null, IdempotencyErrors.StillRunning);
        }

        if (row.Fingerprint != fingerprint)
        {
            return (null, null, new Problem(IdempotencyErrors.Conflict));
        }

        if (row.State == KeyState.Answered)
        {
            return (null, Open(row), null);
        }

        if (row.ClaimedUntil > now)
        {
            return (null, null, IdempotencyErrors.StillRunning);
        }

        if (row.State == KeyState.Committed)
        {
            return (null, null, IdempotencyErrors.AnswerLost);
        }

        var taken = await db.IdempotencyKeys
            .Where(key => key.Id == id && key.Owner == row.Owner && key.State == KeyState.Running)
            .ExecuteUpdateAsync(
                update => update.SetProperty(key => key.Owner, claim.Owner).SetProperty(key => key.ClaimedUntil, now + Claim), cancellationToken);
        return taken == 1 ? (claim, null, null) : (null, null, IdempotencyErrors.StillRunning);
    }

    /// <summary>Marks the claim as committed, in the write's transaction; fails the transaction if another call has taken over the key.</summary>
    /// <exception cref="ApiException">The claim was lost.</exception>
    public static async Task MarkCommittedAsync(DbTransaction transaction, IdempotencyClaim claim, CancellationToken cancellationToken)
    {
        await using var command = transaction.Connection!.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"UPDATE idempotency_keys SET state = '{KeyState.Committed}' WHERE id = @id AND owner = @owner";
        command.Add(("@id", claim.Id), ("@owner", claim.Owner));
        if (await command.ExecuteNonQueryAsync(cancellationToken) != 1)
        {
            throw new ApiException(IdempotencyErrors.TakenOver);
        }
    }

    public Task KeepAsync(IdempotencyClaim claim, KeptAnswer answer) => database.Address.ExecuteAsync(
        $"UPDATE idempotency_keys SET state = '{KeyState.Answered}', answer = @answer WHERE id = @id AND owner = @owner",
        CancellationToken.None,
        ("@answer", box.Seal(JsonSerializer.Serialize(answer), claim.Id)),
        ("@id", claim.Id),
        ("@owner", claim.Owner));

    /// <summary>Deletes a claim whose write stored nothing and has no response worth keeping: the next call with the key is the first one again.</summary>
    public Task ReleaseAsync(IdempotencyClaim claim) => database.Address.ExecuteAsync(
        $"DELETE FROM idempotency_keys WHERE id = @id AND owner = @owner AND state = '{KeyState.Running}'",
        CancellationToken.None,
        ("@id", claim.Id),
        ("@owner", claim.Owner));

    private async Task<bool> InsertAsync(IdempotencyClaim claim, string fingerprint, CancellationToken cancellationToken)
    {
        var insert = database.Address.Kind is DatabaseKind.Sqlite ? "INSERT OR IGNORE" : "INSERT IGNORE";
        var now = time.GetUtcNow();
        return await database.Address.ExecuteAsync(
            $"{insert} INTO idempotency_keys (id, fingerprint, owner, state, claimed_until, expires_at) VALUES (@id, @print, @owner, '{KeyState.Running}', @until, @expires)",
            cancellationToken,
            ("@id", claim.Id),
            ("@print", fingerprint),
            ("@owner", claim.Owner),
            ("@until", Microseconds.From(now + Claim)),
            ("@expires", Microseconds.From(now + Kept))) == 1;
    }

    private KeptAnswer? Open(IdempotencyKey row)
    {
        try
        {
            return JsonSerializer.Deserialize<KeptAnswer>(box.Open(row.Answer!, row.Id));
        }
        catch (CryptographicException)
        {
            throw new ApiException(IdempotencyErrors.AnswerLost);
        }
    }
}
