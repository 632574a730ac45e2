using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Closes a listening socket to new connections while those already arriving can still be accepted. When a listener is closed, Linux resets
/// every connection that has not been accepted, and there is always a moment in which one more may arrive. With this filter the kernel
/// ignores new connection attempts; the client repeats its attempt a second later, is refused, and goes elsewhere.
/// </summary>
internal static class ConnectionGate
{
    private const int SolSocket = 1;
    private const int SoAttachFilter = 26;

    // Classic BPF, starting at the TCP header: drops a segment with SYN and without ACK, accepts any other.
    private static readonly (ushort Code, byte True, byte False, uint Value)[] Program =
    [
        (0x30, 0, 0, 13),         // the byte of flags
        (0x54, 0, 0, 0x12),       // its bits ACK and SYN
        (0x15, 0, 1, 0x02),       // SYN alone?
        (0x06, 0, 0, 0),          // drop
        (0x06, 0, 0, 0xffffffff), // take
    ];

    /// <returns>False if the system has no such filter: connections continue to arrive.</returns>
    public static bool TryClose(Socket listener)
    {
        if (!OperatingSystem.IsLinux() || listener.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6))
        {
            return false;
        }

        var instructions = GC.AllocateArray<byte>(Program.Length * 8, pinned: true);
        for (var i = 0; i < Program.Length; i++)
        {
            var step = Program[i];
            var instruction = instructions.AsSpan(i * 8, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(instruction, step.Code);
            (instruction[2], instruction[3]) = (step.True, step.False);
            BinaryPrimitives.WriteUInt32LittleEndian(instruction[4..], step.Value);
        }

        // struct sock_fprog: a count, and a pointer at its natural alignment.
        Span<byte> program = stackalloc byte[IntPtr.Size * 2];
        program.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(program, (ushort)Program.Length);
        MemoryMarshal.Write(program[IntPtr.Size..], Marshal.UnsafeAddrOfPinnedArrayElement(instructions, 0));
        try
        {
            listener.SetRawSocketOption(SolSocket, SoAttachFilter, program);
            return true;
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            GC.KeepAlive(instructions);
        }
    }
}
