using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>Makes a usage record durable before the caller sees the end of the answer.</summary>
public sealed partial class UsageMeter(UsageJournal journal, UsageBuffer buffer, ILogger<UsageMeter> logger)
{
    /// <summary>Bound of the last resort. Reaching it takes a broken disk and an absent Redis for many calls.</summary>
    private const int MaxUnwritten = 100_000;
    private const int BatchSize = 500;

    private readonly ConcurrentQueue<JournalLine> _unwritten = new();
    private volatile bool _isJournalFailing;

    /// <summary>Records that are in memory only, because disk and Redis both failed.</summary>
    public int Unwritten => _unwritten.Count;

    /// <summary>To the journal; where the disk fails, straight to Redis; where that fails too, to memory until either works.</summary>
    public ValueTask WriteAsync(UsageRecord record)
    {
        var line = JournalLine.Of(record);
        return TryAppend(line) ? ValueTask.CompletedTask : WriteToRedisAsync(line);
    }

    /// <summary>Tries once more what is in memory only, the oldest first. A record leaves memory once it is elsewhere.</summary>
    /// <returns>Whether none is left there.</returns>
    /// <exception cref="RedisException">Redis is away, and the disk fails.</exception>
    internal async Task<bool> RetryUnwrittenAsync()
    {
        var (isAllWritten, hasDisk) = (true, true);
        for (var left = _unwritten.Count; left > 0;)
        {
            var batch = _unwritten.Take(Math.Min(left, BatchSize)).ToList();
            var onDisk = 0;
            while (hasDisk && onDisk < batch.Count)
            {
                hasDisk = TryAppend(batch[onDisk]);
                onDisk += hasDisk ? 1 : 0;
            }

            // Before Redis is asked, which may throw: once on the disk is enough.
            Leave(onDisk);
            var forRedis = batch.GetRange(onDisk, batch.Count - onDisk);
            var refused = forRedis.Count == 0 ? [] : await buffer.AddAsync(forRedis);
            foreach (var line in refused)
            {
                _unwritten.Enqueue(line);
            }

            Leave(forRedis.Count);
            left -= batch.Count;
            isAllWritten = isAllWritten && refused.Count == 0;
        }

        return isAllWritten;
    }

    /// <summary>
    /// Writes to the log what is in memory only, when the process ends. It stays there: a last attempt that Redis has not answered yet may still
    /// get it away, and then takes it out.
    /// </summary>
    internal void GiveUp()
    {
        foreach (var line in _unwritten)
        {
            Lose(line);
        }
    }

    private void Leave(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _unwritten.TryDequeue(out _);
        }
    }

    /// <summary>The log is then the only trace; it holds all that billing needs and nothing of the conversation.</summary>
    private void Lose(JournalLine line)
    {
        var record = Encoding.UTF8.GetString(line.Json.Span);
        RecordLost(record);
    }

    private bool TryAppend(JournalLine line)
    {
        try
        {
            journal.Append(line);
            if (_isJournalFailing)
            {
                _isJournalFailing = false;
                JournalWorks();
            }

            return true;
        }
        catch (IOException exception)
        {
            if (!_isJournalFailing)
            {
                _isJournalFailing = true;
                JournalFailed(exception.Message);
            }

            return false;
        }
    }

    private async ValueTask WriteToRedisAsync(JournalLine line)
    {
        try
        {
            if (await buffer.AddAsync([line]) is [])
            {
                return;
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Falls through to memory.
        }

        if (_unwritten.Count < MaxUnwritten)
        {
            _unwritten.Enqueue(line);
            var id = Encoding.UTF8.GetString(line.Id.Span);
            RecordHeldInMemory(id);
        }
        else
        {
            Lose(line);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The usage journal cannot be written ({Reason}); records go straight to Redis.")]
    private partial void JournalFailed(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The usage journal can be written again.")]
    private partial void JournalWorks();

    [LoggerMessage(Level = LogLevel.Critical, Message = "Usage record {UsageId} is in memory only: the journal cannot be written, and Redis is away or has no room for it.")]
    private partial void RecordHeldInMemory(string usageId);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Neither journal, Redis nor memory can take a usage record: {Record}")]
    private partial void RecordLost(string record);
}
