using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Idempotency;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform.Migrations;

/// <summary>
/// Puts every encrypted value of the database under the current secret key, while replicas run. Can be repeated. The output is written for people.
/// </summary>
public sealed class SecretRotation
{
    private const string Id = "Id";
    private const int BatchSize = 100;

    private readonly IDbContextFactory<PlatformDb> _contexts;
    private readonly SecretBox _box;
    private readonly TextWriter _output;
    private readonly TextWriter _errors;

    /// <param name="services">A host's services, after <see cref="MigrationServices.AddSecretRotation"/>.</param>
    /// <param name="output">Receives the counts.</param>
    /// <param name="errors">Receives the ids of values that cannot be decrypted.</param>
    public SecretRotation(IServiceProvider services, TextWriter output, TextWriter errors)
    {
        _contexts = services.GetRequiredService<IDbContextFactory<PlatformDb>>();
        _box = services.GetRequiredService<SecretBox>();
        (_output, _errors) = (output, errors);
    }

    /// <returns>Whether every value is under the current key now.</returns>
    /// <exception cref="System.Data.Common.DbException">The database refused, or could not be reached in time.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var isComplete = await RotateAsync<Provider>(nameof(Provider.Credentials), cancellationToken);
        isComplete &= await RotateAsync<Backend>(nameof(Backend.Credentials), cancellationToken);
        isComplete &= await RotateAsync<Webhook>(nameof(Webhook.Secret), cancellationToken);
        isComplete &= await RotateAsync<IdempotencyKey>(nameof(IdempotencyKey.Answer), cancellationToken);
        return isComplete;
    }

    private async Task<bool> RotateAsync<T>(string property, CancellationToken cancellationToken)
        where T : class
    {
        var table = await TableAsync<T>(cancellationToken);
        var rewrapped = 0;
        List<string> unreadable;
        bool wasDisturbed;
        do
        {
            // Once more, if rows were changed in the meantime: a replica that does not have the current key yet may have written them.
            (unreadable, wasDisturbed, var after) = ([], false, "");
            while (await ReadAsync<T>(property, after, cancellationToken) is { Count: > 0 } rows)
            {
                after = rows[^1].Id;
                var changes = Changes(rows, unreadable);
                var stored = await StoreAsync<T>(table, property, changes, cancellationToken);
                rewrapped += stored;
                wasDisturbed |= stored < changes.Count;
            }
        }
        while (wasDisturbed);

        foreach (var id in unreadable)
        {
            await _errors.WriteLineAsync($"{table}: {id} cannot be decrypted with any of the keys.");
        }

        await _output.WriteLineAsync($"{table}: {rewrapped} rewrapped, {unreadable.Count} cannot be decrypted");
        return unreadable.Count == 0;
    }

    private async Task<string> TableAsync<T>(CancellationToken cancellationToken)
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        return db.Model.FindEntityType(typeof(T))!.GetTableName()!;
    }

    private async Task<List<SealedRow>> ReadAsync<T>(string property, string after, CancellationToken cancellationToken)
        where T : class
    {
        await using var db = await _contexts.CreateDbContextAsync(cancellationToken);
        return await db.Set<T>()
            .Where(row => EF.Property<string?>(row, property) != null && string.Compare(EF.Property<string>(row, Id), after) > 0)
            .OrderBy(row => EF.Property<string>(row, Id))
            .Take(BatchSize)
            .Select(row => new SealedRow(EF.Property<string>(row, Id), EF.Property<string>(row, property)))
            .ToListAsync(cancellationToken);
    }

    /// <summary>
    /// Stores the values of rows that still have the one that was read. Those of the snapshot are noted as changed: replicas then also replace
    /// what they keep on disk.
    /// </summary>
    /// <returns>The number of stored values.</returns>
    private async Task<int> StoreAsync<T>(
        string table, string property, List<(SealedRow Row, string Value)> changes, CancellationToken cancellationToken)
        where T : class => changes.Count == 0 ? 0 : await _contexts.TransactAsync(
        async (db, token) =>
        {
            var stored = 0;
            foreach (var (read, value) in changes)
            {
                var isStored = await db.Set<T>()
                    .Where(row => EF.Property<string>(row, Id) == read.Id && EF.Property<string>(row, property) == read.Value)
                    .ExecuteUpdateAsync(update => update.SetProperty(row => EF.Property<string>(row, property), value), token) == 1;
                stored += isStored ? 1 : 0;
                if (isStored && typeof(T).IsAssignableTo(typeof(ISnapshotted)))
                {
                    db.SnapshotChangeSet.Add(table, read.Id);
                }
            }

            return stored;
        },
        cancellationToken);

    private List<(SealedRow Row, string Value)> Changes(List<SealedRow> rows, List<string> unreadable)
    {
        var changes = new List<(SealedRow Row, string Value)>();
        foreach (var row in rows)
        {
            try
            {
                if (_box.Rewrap(row.Value, row.Id) is { } value)
                {
                    changes.Add((row, value));
                }
            }
            catch (Exception exception) when (exception is CryptographicException or FormatException)
            {
                unreadable.Add(row.Id);
            }
        }

        return changes;
    }

    private sealed record SealedRow(string Id, string Value);
}
