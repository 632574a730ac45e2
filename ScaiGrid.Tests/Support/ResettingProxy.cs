using System.Buffers.Binary;
using System.Net.Sockets;

namespace ScaiGrid.Tests.Support;

/// <summary>A proxy between a grid and its MariaDB that can reset connections between their opening and the first statement.</summary>
/// <param name="url">The database's URL.</param>
public sealed class ResettingProxy(string url) : TcpProxy(new Uri(url).Port)
{
    /// <summary>COM_RESET_CONNECTION, with which the driver begins to use a connection of its pool again.</summary>
    private const byte Reuse = 0x1f;
    private const int HeaderBytes = 4;

    private volatile bool _isResetting;
    private int _resets;

    /// <summary>The database's URL by way of this proxy.</summary>
    public string Url => new UriBuilder(url) { Port = Port }.Uri.ToString();

    /// <summary>The number of connections that were reset.</summary>
    public int Resets => Volatile.Read(ref _resets);

    public bool IsResetting
    {
        get => _isResetting;
        set => _isResetting = value;
    }

    protected override async Task RelayAsync(Socket client, Socket server, CancellationToken gone)
    {
        // The number of answers after which the connection is open. The driver sends a second command without waiting for the first answer.
        var answers = 0;
        await await Task.WhenAny(FromClientAsync(), FromServerAsync());

        async Task FromClientAsync()
        {
            var buffer = new byte[64 * 1024];
            while (await client.ReceiveAsync(buffer, gone) is > 0 and var read)
            {
                if (IsResetting && read > HeaderBytes && buffer[HeaderBytes] == Reuse)
                {
                    Volatile.Write(ref answers, Packets(buffer.AsSpan(0, read)));
                }

                await server.SendAsync(buffer.AsMemory(0, read), gone);
            }
        }

        async Task FromServerAsync()
        {
            var buffer = new byte[64 * 1024];
            while (await server.ReceiveAsync(buffer, gone) is > 0 and var read)
            {
                await client.SendAsync(buffer.AsMemory(0, read), gone);
                if (Volatile.Read(ref answers) > 0 && Interlocked.Add(ref answers, -Packets(buffer.AsSpan(0, read))) <= 0)
                {
                    // Without lingering, a close is a reset.
                    client.LingerState = new LingerOption(enable: true, seconds: 0);
                    client.Close();
                    Interlocked.Increment(ref _resets);
                    return;
                }
            }
        }
    }

    private static int Packets(ReadOnlySpan<byte> bytes)
    {
        var count = 0;
        while (bytes.Length >= HeaderBytes)
        {
            bytes = bytes[Math.Min(bytes.Length, HeaderBytes + (BinaryPrimitives.ReadInt32LittleEndian(bytes) & 0xffffff))..];
            count++;
        }

        return count;
    }
}
