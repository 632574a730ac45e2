using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Streaming;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Admission's own way to Redis: a connection and a thread that waits for its answers, and on which the calls go on. The shared client
/// wakes several threads for each answer, which costs more than all that admission does; see docs/decisions/0050.
/// </summary>
/// <remarks>
/// One run at a time. Whoever takes a run back from <see cref="_run"/> ends it: the reader with its answer, or whoever finds that the
/// connection broke or took too long. Where there is no connection, the shared client does the same.
/// </remarks>
internal sealed partial class AdmissionLine : IDisposable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Errors of a server that is not, or not any more, the one to ask.</summary>
    private static readonly string[] Elsewhere = ["READONLY", "LOADING", "MASTERDOWN", "MOVED", "CLUSTERDOWN"];

    private readonly RedisPrimary _primary;
    private readonly TimeProvider _time;
    private readonly Ended _ended;
    private readonly ILogger _logger;
    private readonly PooledBytes _command = new();
    private readonly ManualResetEventSlim _stop = new();
    private ITimer? _watch;
    private RedisWire? _wire;
    private AdmissionBatch? _run;
    private EndPoint? _endpoint;
    private long _sentAt;
    private volatile bool _mayHaveMoved;
    private int _isStarted;

    /// <param name="primary">Where to.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ended">Told how a run ended: on the reading thread, most often.</param>
    /// <param name="logger">Told when there is no connection although the shared client has one.</param>
    public AdmissionLine(RedisPrimary primary, TimeProvider time, Ended ended, ILogger logger) =>
        (_primary, _time, _ended, _logger) = (primary, time, ended, logger);

    /// <param name="run">The run.</param>
    /// <param name="answer">The script's; valid for the call.</param>
    /// <param name="failure">Why there is no answer.</param>
    public delegate void Ended(AdmissionBatch run, ReadOnlySpan<byte> answer, Exception? failure);

    /// <returns>False while there is no connection: nothing was sent.</returns>
    public bool TrySend(AdmissionBatch run)
    {
        if (Volatile.Read(ref _wire) is not { } wire)
        {
            Start();
            return false;
        }

        _sentAt = _time.GetTimestamp();
        Volatile.Write(ref _run, run);
        try
        {
            Send(wire, run, asText: false);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            Close(wire);
            End(run, Broken(exception));
        }

        return true;
    }

    /// <summary>The servers are not what they were, perhaps.</summary>
    public void LookAgain() => _mayHaveMoved = true;

    public void Dispose()
    {
        _stop.Set();
        _watch?.Dispose();
        Volatile.Read(ref _wire)?.Dispose();
    }

    private static RedisException Broken(Exception exception) => new($"The connection to Redis broke: {exception.Message}", exception);

    private void Start()
    {
        if (Volatile.Read(ref _isStarted) == 0 && Interlocked.Exchange(ref _isStarted, 1) == 0)
        {
            _watch = _time.CreateTimer(static line => ((AdmissionLine)line!).Watch(), this, WatchInterval, WatchInterval);
            new Thread(Live) { IsBackground = true, Name = "admission" }.Start();
        }
    }

    private void Send(RedisWire wire, AdmissionBatch run, bool asText)
    {
        _command.Clear();
        run.Write(_command, asText);
        wire.Send(_command.Span);
    }

    /// <summary>The reading thread: connects, reads until that breaks, and again.</summary>
    private void Live()
    {
        var isFailing = false;
        while (!_stop.IsSet)
        {
            RedisWire? wire = null;
            try
            {
                if (_primary.Find() is { } endpoint)
                {
                    wire = _primary.Open(endpoint);
                    _endpoint = endpoint;
                    Volatile.Write(ref _wire, wire);
                    isFailing = false;
                    Read(wire);
                }
            }
            catch (Exception exception) when (wire is not null)
            {
                // In this order: a run that was sent before is seen here, and one that comes later finds the connection closed.
                Close(wire);
                End(Volatile.Read(ref _run), Broken(exception));
            }
            catch (Exception exception)
            {
                // One line, however long it lasts.
                if (!isFailing)
                {
                    isFailing = true;
                    ConnectingFailed(exception.Message);
                }
            }

            _stop.Wait(RetryInterval);
        }
    }

    private void Read(RedisWire wire)
    {
        while (true)
        {
            var answer = wire.Read(out var isError);
            if (isError && answer.StartsWith("NOSCRIPT"u8) && Volatile.Read(ref _run) is { } unknown)
            {
                // A server that has never seen it, or was started again: nothing was run.
                Send(wire, unknown, asText: true);
                continue;
            }

            // Null: it took too long, and the connection is closed.
            if (Interlocked.Exchange(ref _run, null) is not { } run)
            {
                return;
            }

            if (!isError)
            {
                _ended(run, answer, null);
                continue;
            }

            var error = new RedisException(Encoding.UTF8.GetString(answer));
            if (Array.Exists(Elsewhere, word => error.Message.StartsWith(word, StringComparison.Ordinal)))
            {
                Close(wire);
            }

            _ended(run, default, error);
        }
    }

    private void Close(RedisWire wire)
    {
        Interlocked.CompareExchange(ref _wire, null, wire);
        wire.Dispose();
    }

    /// <summary>Ends a run that has no answer, unless somebody else did. The connection first: what is sent after that fails at once.</summary>
    private void End(AdmissionBatch? run, Exception failure)
    {
        if (run is not null && Interlocked.CompareExchange(ref _run, null, run) == run)
        {
            _ended(run, default, failure);
        }
    }

    private void Watch()
    {
        // The run before its time: a run that is seen was sent after the time that is read then, or at it. Whether there still is a
        // connection does not matter to it.
        var run = Volatile.Read(ref _run);
        var wire = Volatile.Read(ref _wire);
        if (run is not null && _time.GetElapsedTime(Volatile.Read(ref _sentAt)) > _primary.Timeout)
        {
            if (wire is not null)
            {
                Close(wire);
            }

            End(run, new TimeoutException("Redis did not answer in time."));
        }
        else if (wire is not null && _mayHaveMoved)
        {
            _mayHaveMoved = false;
            if (_primary.Find() is { } endpoint && !endpoint.Equals(_endpoint))
            {
                Close(wire);
                End(run, new RedisException("Another server of Redis took over."));
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Admission has no connection of its own to Redis and uses the shared one: {Reason}")]
    private partial void ConnectingFailed(string reason);
}
