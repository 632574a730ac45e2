using System.Globalization;
using ScaiGrid.Inference.Providers;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Health;

/// <summary>
/// The open circuits in Redis: a key with an expiry for each, a revision that each change increments, and a message on a channel. Times
/// are durations, so that the replicas' clocks need not agree.
/// </summary>
public sealed class CircuitStore(IConnectionMultiplexer redis, TimeProvider time)
{
    public static readonly RedisChannel Channel = RedisChannel.Literal("scaigrid:circuits");

    // One hash tag: a cluster keeps the keys in one slot, so that they can be read with one command.
    private const string Prefix = "scaigrid:{circuits}:";
    private const string RevisionKey = Prefix + "revision";
    private const int BatchSize = 500;

    // Both flags are in one field: older versions expect three fields, and treat an unknown number as no trial.
    private const int Trial = 1;
    private const int PauseGiven = 2;

    /// <summary>How long a half-open circuit is kept: if it opens again within this time, its pause is longer.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan RevisionLifetime = TimeSpan.FromDays(1);

    /// <summary>Stores a circuit and publishes it to the other replicas.</summary>
    /// <returns>The revision after this change.</returns>
    public async Task<long> AnnounceAsync(string backendId, Circuit circuit, string origin)
    {
        var database = redis.GetDatabase();
        var left = Left(circuit);
        var flags = (circuit.IsTrial ? Trial : 0) | (circuit.IsPauseGiven ? PauseGiven : 0);
        var state = string.Create(CultureInfo.InvariantCulture, $"{circuit.Openings} {(int)circuit.Reason} {flags}");
        var stored = circuit.IsClosed
            ? (Task)database.KeyDeleteAsync(Prefix + backendId)
            : database.StringSetAsync(Prefix + backendId, state, left + Memory);
        var revision = database.StringIncrementAsync(RevisionKey);
        var expiry = database.KeyExpireAsync(RevisionKey, RevisionLifetime);
        var published = database.PublishAsync(Channel, string.Create(CultureInfo.InvariantCulture, $"{origin} {backendId} {(long)left.TotalMilliseconds} {state}"));
        await Task.WhenAll(stored, revision, expiry, published);
        return await revision;
    }

    /// <returns>Null if there is none: Redis is empty, or nothing changed for a day.</returns>
    public async Task<long?> RevisionAsync() => (long?)await redis.GetDatabase().StringGetAsync(RevisionKey);

    /// <returns>The circuits that are not closed.</returns>
    public async Task<IReadOnlyDictionary<string, Circuit>> ReadAsync(IEnumerable<string> backendIds)
    {
        var database = redis.GetDatabase();
        var circuits = new Dictionary<string, Circuit>();
        foreach (var ids in backendIds.Chunk(BatchSize))
        {
            var states = await database.StringGetAsync([.. ids.Select(id => (RedisKey)(Prefix + id))]);
            foreach (var (id, state) in ids.Zip(states).Where(pair => !pair.Second.IsNull))
            {
                if (await database.KeyTimeToLiveAsync(Prefix + id) is { } lifetime && Parse(((string)state!).Split(' '), lifetime - Memory) is { } circuit)
                {
                    circuits[id] = circuit;
                }
            }
        }

        return circuits;
    }

    /// <summary>Parses a published message.</summary>
    /// <returns>False if the message is invalid or was sent by <paramref name="own"/>.</returns>
    internal bool TryParse(string? message, string own, out string backendId, out Circuit circuit)
    {
        var words = message?.Split(' ') ?? [];
        (backendId, circuit) = ("", Circuit.Closed);
        if (words.Length != 6 || words[0] == own || !long.TryParse(words[2], CultureInfo.InvariantCulture, out var left)
            || Parse(words.AsSpan(3), TimeSpan.FromMilliseconds(Math.Clamp(left, 0, (long)TimeSpan.FromDays(1).TotalMilliseconds))) is not { } parsed)
        {
            return false;
        }

        (backendId, circuit) = (words[1], parsed);
        return true;
    }

    private Circuit? Parse(ReadOnlySpan<string> words, TimeSpan left)
    {
        if (words.Length != 3 || !int.TryParse(words[0], CultureInfo.InvariantCulture, out var openings)
            || !int.TryParse(words[1], CultureInfo.InvariantCulture, out var reason) || !int.TryParse(words[2], CultureInfo.InvariantCulture, out var flags))
        {
            return null;
        }

        var retryAt = time.GetTimestamp() + (long)(left.TotalSeconds * time.TimestampFrequency);
        return openings == 0
            ? Circuit.Closed
            : new Circuit(retryAt, openings, (UpstreamFailure)reason, (flags & Trial) != 0, (flags & PauseGiven) != 0);
    }

    private TimeSpan Left(Circuit circuit) =>
        circuit.IsClosed || time.GetElapsedTime(time.GetTimestamp(), circuit.RetryAt) is not { Ticks: > 0 } left ? TimeSpan.Zero : left;
}
