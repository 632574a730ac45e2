using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// Sends requests over a number of kept-alive connections, each the next one as soon as its response is complete. Uses plain sockets, because
/// the generator shares two cores with what it measures.
/// </summary>
internal sealed class LoadGenerator(int port, IReadOnlyList<byte[]> requests)
{
    private int _sent = -1;

    /// <param name="connections">The number of open connections.</param>
    /// <param name="duration">No request starts after this time.</param>
    /// <param name="spread">The time over which the connections send their first requests; zero to start all at once.</param>
    public async Task<LoadResult> RunAsync(int connections, TimeSpan duration, TimeSpan spread = default)
    {
        var latencies = new ConcurrentBag<double[]>();
        var firsts = new ConcurrentBag<double[]>();
        var started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(async i =>
        {
            var (whole, first) = await ConnectionAsync(started, duration, spread * i / connections);
            latencies.Add(whole);
            firsts.Add(first);
        }));
        return new LoadResult(
            Stopwatch.GetElapsedTime(started),
            [.. latencies.SelectMany(list => list).Order()],
            [.. firsts.SelectMany(list => list).Order()]);
    }

    private async Task<(double[] Whole, double[] First)> ConnectionAsync(long started, TimeSpan duration, TimeSpan delay)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        await Task.Delay(delay);
        var buffer = new byte[64 * 1024];
        var whole = new List<double>();
        var first = new List<double>();
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            var sent = Stopwatch.GetTimestamp();
            await socket.SendAsync(requests[(int)((uint)Interlocked.Increment(ref _sent) % (uint)requests.Count)], SocketFlags.None);
            first.Add(await ReadAnswerAsync(socket, buffer, sent));
            whole.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
        }

        return ([.. whole], [.. first]);
    }

    /// <returns>Milliseconds to the first byte of the body.</returns>
    private static async ValueTask<double> ReadAnswerAsync(Socket socket, byte[] buffer, long sent)
    {
        var length = 0;
        var bodyStart = -1;
        long? contentLength = null;
        var first = -1.0;
        while (true)
        {
            // A long stream does not fit: only its end is needed, which is a few bytes.
            if (length > buffer.Length / 2 && bodyStart >= 0)
            {
                buffer.AsSpan(length - 16, 16).CopyTo(buffer);
                length = 16;
            }

            var read = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None);
            if (read == 0)
            {
                throw new IOException("The connection was closed.");
            }

            length += read;
            if (bodyStart < 0)
            {
                bodyStart = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
                if (bodyStart < 0)
                {
                    continue;
                }

                bodyStart += 4;
                contentLength = CheckHead(buffer.AsSpan(0, bodyStart));
            }

            if (first < 0 && length > bodyStart)
            {
                first = Stopwatch.GetElapsedTime(sent).TotalMilliseconds;
            }

            if (contentLength is { } known ? length - bodyStart >= known : buffer.AsSpan(0, length).EndsWith("0\r\n\r\n"u8))
            {
                return first;
            }
        }
    }

    private static long? CheckHead(ReadOnlySpan<byte> head)
    {
        if (!head.StartsWith("HTTP/1.1 200"u8))
        {
            throw new InvalidOperationException($"Not a 200: {Encoding.ASCII.GetString(head)}");
        }

        var at = head.IndexOf("Content-Length: "u8);
        if (at < 0)
        {
            return null;
        }

        var value = head[(at + 16)..];
        return long.Parse(value[..value.IndexOf((byte)'\r')], System.Globalization.CultureInfo.InvariantCulture);
    }
}

/// <param name="Elapsed">Duration of the whole run.</param>
/// <param name="Latencies">Milliseconds to the end of each response, sorted.</param>
/// <param name="FirstBytes">Milliseconds to the first byte of each body, sorted.</param>
internal sealed record LoadResult(TimeSpan Elapsed, double[] Latencies, double[] FirstBytes)
{
    public double PerSecond => Latencies.Length / Elapsed.TotalSeconds;

    public static double Percentile(double[] sorted, double part) => sorted.Length == 0 ? double.NaN : sorted[(int)((sorted.Length - 1) * part)];
}
