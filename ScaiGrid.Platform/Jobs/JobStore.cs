using System.Data;
using System.Data.Common;
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>A lane with due jobs, and the tenant of one of them: lanes are divided further than tenants.</summary>
internal sealed record DueLane(string Queue, string Lane, string? TenantId);

/// <summary>Reads and writes the queue's rows. Times are the database's, which all workers share.</summary>
internal sealed class JobStore(IDbContextFactory<PlatformDb> databases, DatabaseOptions database, JobOptions options, TimeProvider time)
{
    private readonly bool _isSqlite = database.Address.Kind is DatabaseKind.Sqlite;

    /// <summary>The prefix of this process's leases; the number of the claim follows.</summary>
    private readonly string _worker = $"{Environment.ProcessId}-{Ulid.NewUlid(time.GetUtcNow())}{Job.ClaimSeparator}";
    private int _claims;

    private string Now => DatabaseClock.Sql(database.Address.Kind);

    private long LeaseMicroseconds => options.JobLease.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>One index step per lane, whatever its backlog: MariaDB does so only if the groups are the index's first columns.</summary>
    internal static string DueSql(string now) =>
        $"""
        SELECT queue, lane, (SELECT tenant_id FROM jobs WHERE state = '{JobState.Ready}' AND queue = due.queue AND lane = due.lane LIMIT 1)
        FROM (SELECT queue, lane, MIN(run_at) AS earliest FROM jobs WHERE state = '{JobState.Ready}' GROUP BY state, queue, lane HAVING MIN(run_at) <= {now}) AS due
        ORDER BY earliest
        """;

    /// <summary>Adds many jobs in the current transaction.</summary>
    public static Task AddAsync(PlatformDb db, IEnumerable<Job> jobs, CancellationToken cancellationToken) => db.InsertAsync(
        "jobs",
        ["id", "queue", "lane", "state", "run_at", "attempts", "tenant_id", "partner_id", "payload", "created_at"],
        jobs.Select(job => new object?[]
        {
            job.Id, job.Queue, job.Lane, job.State, Microseconds.From(job.RunAt), job.Attempts, job.TenantId, job.PartnerId, job.Payload, Microseconds.From(job.CreatedAt),
        }),
        cancellationToken);

    public async Task<IReadOnlyList<DueLane>> DueAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await db.Database.OpenConnectionAsync(cancellationToken);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = DueSql(Now);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var lanes = new List<DueLane>();
        while (await reader.ReadAsync(cancellationToken))
        {
            lanes.Add(new DueLane(reader.GetString(0), reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2)));
        }

        return lanes;
    }

    /// <summary>Claims the oldest due jobs of some lanes, skipping those that another worker is claiming.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="lanes">Its lanes, and how many jobs to claim of each.</param>
    /// <param name="isHeld">Whether this process still runs a job. It is due again if the database was away for longer than the lease; the next
    /// renewal keeps it, or cancels it if another worker has taken it.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    public async Task<IReadOnlyList<ClaimedJob>> ClaimAsync(
        string queue, IReadOnlyList<(string Lane, int Count)> lanes, Predicate<string> isHeld, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        await db.Database.OpenConnectionAsync(cancellationToken);
        var connection = db.Database.GetDbConnection();

        // Each claim has a lease of its own: a late result of an earlier claim is ignored, even if it was by the same process.
        var lease = _worker + Interlocked.Increment(ref _claims).ToString(CultureInfo.InvariantCulture);

        // Read committed avoids gap locks, which would block transactions that add jobs.
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken);
        var jobs = await SelectDueAsync(connection, transaction, lease, queue, lanes, cancellationToken);
        jobs.RemoveAll(job => isHeld(job.Id));
        if (jobs.Count > 0)
        {
            await using var update = Command(connection, transaction, jobs.ConvertAll(job => job.Id));
            update.CommandText =
                $"UPDATE jobs SET lease = @lease, run_at = {Now} + {LeaseMicroseconds}, attempts = attempts + 1 WHERE id IN ({update.CommandText})";
            update.Add(("@lease", lease));
            await update.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return jobs;
    }

    /// <returns>Those of <paramref name="ids"/> whose leases were renewed; the others are lost.</returns>
    public async Task<IReadOnlySet<string>> RenewAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var (renewed, leases) = (new HashSet<string>(), $"{_worker}%");
        foreach (var some in ids.Chunk(500))
        {
            await UpdateClaimedAsync(db, $"run_at = {Now} + {LeaseMicroseconds}", some, cancellationToken);
            renewed.UnionWith(await db.Jobs.Where(job => some.Contains(job.Id) && EF.Functions.Like(job.Lease, leases)).Select(job => job.Id).ToListAsync(cancellationToken));
        }

        return renewed;
    }

    /// <summary>Releases jobs that did not end. They have not failed, so their claims do not count as attempts.</summary>
    public async Task ReleaseAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        foreach (var some in ids.Chunk(500))
        {
            await UpdateClaimedAsync(db, $"run_at = {Now}, attempts = attempts - 1, lease = NULL", some, cancellationToken);
        }
    }

    /// <summary>Stores the ends of jobs, in one transaction with the handler's results. Jobs that another worker holds by now are skipped.</summary>
    public Task EndAsync(JobQueue queue, IJobHandler handler, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, token) =>
        {
            var held = await HeldAsync(db, ended, token);
            var ours = ended.Where(end => held.Contains((end.Job.Id, end.Job.Lease))).ToList();
            await handler.StoreAsync(db, [.. ours.Where(end => end.End.Kind is not JobEndKind.Released)], token);
            string[] done = [.. ours.Where(end => end.End.Kind is JobEndKind.Done).Select(end => end.Job.Id)];
            if (done.Length > 0)
            {
                var sql = $"DELETE FROM jobs WHERE id IN ({Placeholders(0, done.Length)})";
                await db.Database.ExecuteSqlRawAsync(sql, done, token);
            }

            var unfinished = ours.FindAll(end => end.End.Kind is not JobEndKind.Done);
            var now = unfinished.Count > 0 ? await DatabaseClock.NowAsync(db, token) : default;
            foreach (var (job, end) in unfinished)
            {
                await PutBackAsync(db, queue, job, end, now, token);
            }
        },
        cancellationToken);

    private static async Task PutBackAsync(PlatformDb db, JobQueue queue, ClaimedJob job, JobEnd end, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var isDead = end.Kind is JobEndKind.Failed && job.Attempts >= queue.MaxAttempts;

        // Released and postponed jobs have not failed, so the claim does not count as an attempt.
        var isAttempt = end.Kind is JobEndKind.Failed;
        var runAt = now + (isDead || end.Kind is JobEndKind.Released ? TimeSpan.Zero : end.Delay ?? JobQueue.DelayAfter(job.Attempts));
        var error = end.Error is { Length: > JobConfiguration.ErrorLength } ? end.Error[..JobConfiguration.ErrorLength] : end.Error;
        await db.Jobs.Where(row => row.Id == job.Id).ExecuteUpdateAsync(
            row => row
                .SetProperty(one => one.State, isDead ? JobState.Dead : JobState.Ready)
                .SetProperty(one => one.RunAt, runAt)
                .SetProperty(one => one.Lease, (string?)null)
                .SetProperty(one => one.Attempts, one => isAttempt ? one.Attempts : one.Attempts - 1)
                .SetProperty(one => one.Error, one => error ?? one.Error),
            cancellationToken);
    }

    private async Task<HashSet<(string Id, string? Lease)>> HeldAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken)
    {
        var lockRows = _isSqlite ? "" : " FOR UPDATE";
        var sql = $"SELECT id AS Id, lease AS Lease FROM jobs WHERE id IN ({Placeholders(0, ended.Count)}){lockRows}";
        var rows = await db.Database.SqlQueryRaw<HeldJob>(sql, [.. ended.Select(end => end.Job.Id)]).ToListAsync(cancellationToken);
        return [.. rows.Select(row => (row.Id, row.Lease))];
    }

    /// <summary>Updates those of some jobs that this process has claimed.</summary>
    private Task<int> UpdateClaimedAsync(PlatformDb db, string changes, string[] ids, CancellationToken cancellationToken)
    {
        var sql = $"UPDATE jobs SET {changes} WHERE lease LIKE {{0}} AND id IN ({Placeholders(1, ids.Length)})";
        return db.Database.ExecuteSqlRawAsync(sql, [$"{_worker}%", .. ids], cancellationToken);
    }

    private static string Placeholders(int first, int count) =>
        string.Join(", ", Enumerable.Range(first, count).Select(index => $"{{{index.ToString(CultureInfo.InvariantCulture)}}}"));

    private async Task<List<ClaimedJob>> SelectDueAsync(
        DbConnection connection, DbTransaction transaction, string lease, string queue, IReadOnlyList<(string Lane, int Count)> lanes, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.Add(("@queue", queue));
        var selects = new List<string>();
        foreach (var (lane, count) in lanes)
        {
            var name = $"lane{selects.Count.ToString(CultureInfo.InvariantCulture)}";
            command.Add(($"@{name}", lane));
            selects.Add(
                $"""
                SELECT id, lane, attempts, payload, tenant_id, partner_id FROM jobs
                WHERE state = '{JobState.Ready}' AND queue = @queue AND lane = @{name} AND run_at <= {Now}
                ORDER BY run_at LIMIT {count.ToString(CultureInfo.InvariantCulture)}{(_isSqlite ? "" : " FOR UPDATE SKIP LOCKED")};
                """);
        }

        command.CommandText = string.Concat(selects);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var jobs = new List<ClaimedJob>();
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                jobs.Add(new ClaimedJob
                {
                    Id = reader.GetString(0),
                    Lease = lease,
                    Lane = reader.GetString(1),
                    Attempts = reader.GetInt32(2) + 1,
                    Payload = reader.GetString(3),
                    TenantId = reader.IsDBNull(4) ? null : reader.GetString(4),
                    PartnerId = reader.IsDBNull(5) ? null : reader.GetString(5),
                });
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
        return jobs;
    }

    /// <summary>Creates a command whose text is the list of parameters for <paramref name="ids"/>.</summary>
    private static DbCommand Command(DbConnection connection, DbTransaction transaction, List<string> ids)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        for (var i = 0; i < ids.Count; i++)
        {
            command.Add(($"@id{i.ToString(CultureInfo.InvariantCulture)}", ids[i]));
        }

        command.CommandText = string.Join(", ", Enumerable.Range(0, ids.Count).Select(index => $"@id{index.ToString(CultureInfo.InvariantCulture)}"));
        return command;
    }

    private sealed record HeldJob(string Id, string? Lease);
}
