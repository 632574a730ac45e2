using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Limits calls without valid credentials by client address, over all replicas, so that guessing keys is slow. An IPv6 client has 2^64
/// addresses, so its /64 network is counted instead.
/// </summary>
public sealed partial class AddressLimiter
{
    private const int NetworkBytes = 8;

    private readonly AdmissionStore _store;
    private readonly AdmissionOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<AddressLimiter> _logger;
    private readonly LocalLimiter _local;

    internal AddressLimiter(AdmissionStore store, AdmissionOptions options, TimeProvider time, ILogger<AddressLimiter> logger)
    {
        (_store, _options, _time, _logger) = (store, options, time, logger);
        _local = new LocalLimiter(time);
    }

    /// <returns>Seconds until the address may try again; null if the call may continue.</returns>
    public async ValueTask<int?> RetryAfterAsync(IPAddress? address)
    {
        if (_options.AddressRequests == 0 || address is null)
        {
            return null;
        }

        var name = NameOf(address);
        var part = new AdmissionPart(name, [new LimitWindow(AdmissionKeys.Window(name, "a", name), new RateLimit(_options.AddressRequests, 0))], []);
        if (_store.IsUsable)
        {
            try
            {
                var answer = await _store.AdmitAloneAsync(part, _time.GetUtcNow());
                return answer[0] == 0 ? null : (int)Math.Max(answer[3] - answer[1], 1);
            }
            catch (Exception exception) when (AdmissionStore.IsFailure(exception))
            {
                if (_store.Failed())
                {
                    CountingFailed(exception.Message);
                }
            }
        }

        // FailClosed does not apply: a caller without credentials only ever gets an error, so counting in this process suffices.
        var (isAdmitted, limits) = _local.TryEnter(part, tokens: 0);
        return isAdmitted ? null : (int)Math.Max(limits.Reset - limits.Now, 1);
    }

    private static string NameOf(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[NetworkBytes..].Clear();
        return new IPAddress(bytes).ToString();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis does not answer: each process limits addresses by itself. {Reason}")]
    private partial void CountingFailed(string reason);
}
