using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Metering;

/// <summary>Makes a usage record durable before the caller sees the end of the answer.</summary>
public sealed partial class UsageMeter(UsageJournal journal, UsageBuffer buffer, ILogger<UsageMeter> logger)
{
    /// <summary>Bound of the last resort. Reaching it takes a broken disk and an absent Redis for many calls.</summary>
    private const int MaxUnwritten = 100_000;

    private readonly ConcurrentQueue<UsageRecord> _unwritten = new();

    /// <summary>Records that are in memory only, because disk and Redis both failed.</summary>
    public int Unwritten => _unwritten.Count;

    /// <summary>To the journal; where the disk fails, straight to Redis; where that fails too, to memory until either works.</summary>
    public ValueTask WriteAsync(UsageRecord record)
    {
        try
        {
            journal.Append(record);
            return ValueTask.CompletedTask;
        }
        catch (IOException exception)
        {
            return WriteToRedisAsync(record, exception);
        }
    }

    internal async Task RetryUnwrittenAsync()
    {
        for (var i = _unwritten.Count; i > 0 && _unwritten.TryDequeue(out var record); i--)
        {
            await WriteAsync(record);
        }
    }

    private async ValueTask WriteToRedisAsync(UsageRecord record, IOException diskFailure)
    {
        try
        {
            if (await buffer.AddAsync([JournalLine.Of(record)]) is [])
            {
                JournalFailed(diskFailure.Message);
                return;
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Falls through to memory.
        }

        if (_unwritten.Count < MaxUnwritten)
        {
            _unwritten.Enqueue(record);
            RecordHeldInMemory(record.Id, diskFailure.Message);
        }
        else
        {
            // The log is then the only trace; it holds all that billing needs and nothing of the conversation.
            RecordLost(record);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The usage journal cannot be written ({Reason}); the record went straight to Redis.")]
    private partial void JournalFailed(string reason);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Usage record {UsageId} is in memory only: the journal cannot be written ({Reason}) and Redis is away.")]
    private partial void RecordHeldInMemory(string usageId, string reason);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Neither journal, Redis nor memory can take a usage record: {Record}")]
    private partial void RecordLost(UsageRecord record);
}
