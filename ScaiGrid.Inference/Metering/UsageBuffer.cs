using StackExchange.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// The usage records in Redis, on their way from the replicas' journals to the database: one hash per tenant, from record id to record.
/// Adding is idempotent, so a batch may be sent again after a lost answer. Removing is by id, so two concurrent flushes do no harm.
/// </summary>
/// <remarks>
/// Bounded: a tenant's hash accepts no more records once it has <see cref="MaxPending"/>; further ones wait on the replicas' disks.
/// The set of tenants has one entry per tenant.
/// </remarks>
public sealed class UsageBuffer(IConnectionMultiplexer redis)
{
    public const int MaxPending = 200_000;

    private const int PageSize = 500;

    private const string TenantsKey = "scaigrid:usage:tenants";

    private static readonly TimeSpan RejectedKept = TimeSpan.FromDays(30);

    /// <summary>Adds some hundreds of records at once, all tenants in parallel.</summary>
    /// <returns>The records of tenants whose buffer is full.</returns>
    /// <exception cref="RedisException">Redis is unavailable: it is unknown whether the records arrived, and sending them again is safe.</exception>
    internal async Task<IReadOnlyList<JournalLine>> AddAsync(IReadOnlyCollection<JournalLine> lines)
    {
        var tenants = lines.ToLookup(line => line.TenantId);
        var withRoom = await WithRoomAsync([.. tenants.Select(tenant => tenant.Key)]);
        if (withRoom.Count > 0)
        {
            // The tenant is added first: without it no flush would look for the records.
            var database = redis.GetDatabase();
            await database.SetAddAsync(TenantsKey, [.. withRoom.Select(tenantId => (RedisValue)tenantId)]);
            await Task.WhenAll(withRoom.SelectMany(tenantId => Add(database, PendingKey(tenantId), tenants[tenantId])));
        }

        return withRoom.Count == tenants.Count ? [] : [.. tenants.Where(tenant => !withRoom.Contains(tenant.Key)).SelectMany(tenant => tenant)];
    }

    /// <summary>Returns those of the tenants whose buffer is not full.</summary>
    internal async Task<HashSet<string>> WithRoomAsync(IReadOnlyCollection<string> tenantIds)
    {
        var database = redis.GetDatabase();
        var pending = await Task.WhenAll(tenantIds.Select(tenantId => database.HashLengthAsync(PendingKey(tenantId))));
        return tenantIds.Where((_, at) => pending[at] < MaxPending).ToHashSet();
    }

    /// <summary>All tenants that ever had records.</summary>
    public async Task<IReadOnlyList<string>> TenantsAsync() =>
        Array.ConvertAll(await redis.GetDatabase().SetMembersAsync(TenantsKey), value => (string)value!);

    /// <summary>Reads a tenant's records that may not be in the database yet, in any order: <paramref name="limit"/> or a few more.</summary>
    public async Task<PendingUsage> PendingAsync(string tenantId, int limit, CancellationToken cancellationToken)
    {
        var records = new Dictionary<string, UsageRecord?>();
        var isWhole = true;
        await foreach (var entry in redis.GetDatabase().HashScanAsync(PendingKey(tenantId), pageSize: Math.Min(limit, PageSize)).WithCancellation(cancellationToken))
        {
            // A scan may return an entry twice.
            var id = (string)entry.Name!;
            records[id] = UsageRecord.Read(((ReadOnlyMemory<byte>)entry.Value).Span) is { } record && record.Id == id && record.TenantId == tenantId ? record : null;
            if (records.Count >= limit)
            {
                isWhole = false;
                break;
            }
        }

        return new PendingUsage([.. records.Values.OfType<UsageRecord>()], [.. records.Where(pair => pair.Value is null).Select(pair => pair.Key)], isWhole);
    }

    /// <summary>Moves entries that cannot be stored to a hash of their own, where they are kept for 30 days.</summary>
    public async Task SetAsideAsync(string tenantId, IReadOnlyList<string> ids)
    {
        var database = redis.GetDatabase();
        RedisValue[] names = [.. ids.Select(id => (RedisValue)id)];
        var values = await database.HashGetAsync(PendingKey(tenantId), names);
        await database.HashSetAsync(RejectedKey(tenantId), [.. names.Zip(values, (name, value) => new HashEntry(name, value))]);
        await database.KeyExpireAsync(RejectedKey(tenantId), RejectedKept);
        await database.HashDeleteAsync(PendingKey(tenantId), names);
    }

    /// <summary>The number of a tenant's waiting records.</summary>
    public Task<long> CountAsync(string tenantId) => redis.GetDatabase().HashLengthAsync(PendingKey(tenantId));

    /// <summary>The number of waiting records over all tenants.</summary>
    public async Task<long> CountAsync()
    {
        var lengths = await Task.WhenAll((await TenantsAsync()).Select(CountAsync));
        return lengths.Sum();
    }

    /// <summary>Removes records that have been committed to the database.</summary>
    public Task RemoveAsync(string tenantId, IEnumerable<string> ids) =>
        redis.GetDatabase().HashDeleteAsync(PendingKey(tenantId), [.. ids.Select(id => (RedisValue)id)]);

    /// <summary>A note does not replace a record; a record replaces a note.</summary>
    private static IEnumerable<Task> Add(IDatabase database, RedisKey key, IEnumerable<JournalLine> lines) =>
    [
        database.HashSetAsync(key, [.. lines.Where(line => !line.IsNote).Select(line => new HashEntry(line.Id, line.Json))]),
        .. lines.Where(line => line.IsNote).Select(note => database.HashSetAsync(key, note.Id, note.Json, When.NotExists)),
    ];

    // The braces are Redis Cluster's hash tag: all keys of a tenant share a slot.
    private static RedisKey PendingKey(string tenantId) => $"scaigrid:usage:{{{tenantId}}}:pending";

    private static RedisKey RejectedKey(string tenantId) => $"scaigrid:usage:{{{tenantId}}}:rejected";
}

/// <param name="Records">Records that can be stored.</param>
/// <param name="Unreadable">Ids of entries that are not usage records of the tenant.</param>
/// <param name="IsWhole">False if the limit was reached: there may be more.</param>
public sealed record PendingUsage(IReadOnlyList<UsageRecord> Records, IReadOnlyList<string> Unreadable, bool IsWhole);
