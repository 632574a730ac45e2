using System.Net;
using System.Text;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Streaming;
using StackExchange.Redis;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Admission's own connection to Redis, with a thread that reads the answers and on which the calls continue. The shared client wakes
/// several threads for each answer, which costs more than all of admission; see docs/decisions/0050.
/// </summary>
/// <remarks>
/// One run at a time. A run is ended by whoever takes it out of <see cref="_run"/>: the reader with its answer, or the code that finds the
/// connection broken or too slow. While there is no connection, the shared client is used instead.
/// </remarks>
internal sealed partial class AdmissionLine : IDisposable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Prefixes of errors by which a server says that another one must be used.</summary>
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

    /// <param name="primary">Finds and opens connections to the primary server.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ended">Called when a run ends, usually on the reading thread.</param>
    /// <param name="logger">Logs when there is no connection although the shared client may have one.</param>
    public AdmissionLine(RedisPrimary primary, TimeProvider time, Ended ended, ILogger logger) =>
        (_primary, _time, _ended, _logger) = (primary, time, ended, logger);

    /// <param name="run">The run.</param>
    /// <param name="answer">The script's answer; valid during the call only.</param>
    /// <param name="failure">The reason if there is no answer.</param>
    public delegate void Ended(AdmissionBatch run, ReadOnlySpan<byte> answer, Exception? failure);

    /// <returns>False if there is no connection: nothing was sent.</returns>
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

    /// <summary>Makes the next watch check whether another server has become the primary.</summary>
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

    /// <summary>The reading thread's loop: connects, reads until the connection breaks, and connects again.</summary>
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
                // In this order: a run sent before the close is seen by the next line, and one sent after it finds the connection closed.
                Close(wire);
                End(Volatile.Read(ref _run), Broken(exception));
            }
            catch (Exception exception)
            {
                // Logged once per outage.
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
                // The server has never seen the script, or was restarted: nothing was run.
                Send(wire, unknown, asText: true);
                continue;
            }

            // Null if the run timed out: the connection is closed then.
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

    /// <summary>Ends a run without an answer, unless it was ended already. Close the connection first, so that a later send fails at once.</summary>
    private void End(AdmissionBatch? run, Exception failure)
    {
        if (run is not null && Interlocked.CompareExchange(ref _run, null, run) == run)
        {
            _ended(run, default, failure);
        }
    }

    private void Watch()
    {
        // The run is read before its time: the time that is then read is that of this run or of a later one. A run must time out whether or not the
        // connection still exists.
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
