using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>Stores a usage record durably before the caller sees the end of the answer.</summary>
public sealed partial class UsageMeter(UsageJournal journal, UsageBuffer buffer, ILogger<UsageMeter> logger)
{
    /// <summary>The most records in memory. Reached only if the disk is broken and Redis unavailable for this many calls.</summary>
    private const int MaxUnwritten = 100_000;
    private const int BatchSize = 500;

    private readonly ConcurrentQueue<JournalLine> _unwritten = new();
    private volatile bool _isJournalFailing;

    /// <summary>Records that are in memory only, because writing to the disk and to Redis failed.</summary>
    public int Unwritten => _unwritten.Count;

    /// <summary>Writes to the journal; if the disk fails, to Redis; if that fails as well, keeps the record in memory until either works.</summary>
    /// <returns>Whether the record is on disk or in Redis, so that it survives this process.</returns>
    public ValueTask<bool> WriteAsync(UsageRecord record)
    {
        var line = JournalLine.Of(record);
        return TryAppend(line) ? ValueTask.FromResult(true) : WriteToRedisAsync(line);
    }

    /// <summary>Tries again to store the records that are in memory only, oldest first. A record leaves memory once it is stored.</summary>
    /// <returns>Whether all were stored.</returns>
    /// <exception cref="StackExchange.Redis.RedisException">Redis is unavailable, and the disk fails.</exception>
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

            // Before the call to Redis, which may throw: records on the disk must not be stored twice.
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
    /// Called when the process ends: writes the records that are in memory only to the log. They stay in memory, because a command that Redis has not
    /// answered yet may still succeed and remove them.
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

    /// <summary>Logs a record as its only trace. It has everything that billing needs and nothing of the conversation.</summary>
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

    private async ValueTask<bool> WriteToRedisAsync(JournalLine line)
    {
        try
        {
            if (await buffer.AddAsync([line]) is [])
            {
                return true;
            }
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // Kept in memory instead.
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

        return false;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The usage journal cannot be written ({Reason}); records go straight to Redis.")]
    private partial void JournalFailed(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The usage journal can be written again.")]
    private partial void JournalWorks();

    [LoggerMessage(Level = LogLevel.Critical, Message = "Usage record {UsageId} is in memory only: the journal cannot be written, and Redis is unavailable or has no room for it.")]
    private partial void RecordHeldInMemory(string usageId);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Neither journal, Redis nor memory can take a usage record: {Record}")]
    private partial void RecordLost(string record);
}
