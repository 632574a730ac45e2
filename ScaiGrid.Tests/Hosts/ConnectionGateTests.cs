using System.Net;
using System.Net.Sockets;
using ScaiGrid.ServiceDefaults;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

public sealed class ConnectionGateTests
{
    [Fact]
    public async Task GateClosed_WhoHadConnectedIsAccepted_AndNobodyElseConnects()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var early = await ConnectAsync(listener);

        Assert.True(ConnectionGate.TryClose(listener));

        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(500));
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await late.ConnectAsync(listener.LocalEndPoint!, patience.Token));
        using var accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await early.SendAsync("hi"u8.ToArray(), TestContext.Current.CancellationToken);
        var received = new byte[2];
        Assert.Equal(2, await accepted.ReceiveAsync(received, TestContext.Current.CancellationToken));
    }

    private static async Task<Socket> ConnectAsync(Socket listener)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        return socket;
    }
}
