using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.AppHost.Local;

/// <summary>The port of each server, checked before anything starts.</summary>
internal sealed class Ports
{
    private readonly Dictionary<Mode, int> _ports = [];

    /// <summary>Modes whose ports another AppHost has claimed, on which it may not listen yet.</summary>
    private readonly HashSet<Mode> _claimed = [];

    private Ports()
    {
    }

    public int this[Mode mode] => _ports[mode];

    public static async Task<Ports> ReadAsync(PortClaims claims, TimeSpan patience, TimeProvider time)
    {
        var ports = new Ports();
        foreach (var mode in LocalEnvironment.Servers)
        {
            var port = Read(mode.Port!);
            if (ports._ports.FirstOrDefault(taken => taken.Value == port).Key is { } other)
            {
                throw Wrong($"{mode.Port!.Variable} and {other.Port!.Variable} are both {port}: each mode needs a port of its own.");
            }

            ports._ports[mode] = port;
        }

        // Fixed ports first, so that the others move around them.
        foreach (var mode in LocalEnvironment.Servers.OrderBy(MayMove))
        {
            if (claims.TryHold(ports[mode]))
            {
                continue;
            }

            if (MayMove(mode))
            {
                ports._ports[mode] = claims.Next();
            }
            else
            {
                ports._claimed.Add(mode);
            }
        }

        var started = time.GetTimestamp();
        while (ports.Taken(claims) is { Count: > 0 } taken)
        {
            if (time.GetElapsedTime(started) >= patience)
            {
                ports.Move(taken, claims);
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), time);
        }

        return ports;
    }

    private List<Mode> Taken(PortClaims claims)
    {
        _claimed.RemoveWhere(mode => claims.TryHold(_ports[mode]));
        return [.. _ports.Where(entry => _claimed.Contains(entry.Key) || !IsFree(entry.Value)).Select(entry => entry.Key)];
    }

    private void Move(List<Mode> taken, PortClaims claims)
    {
        var fixedOnes = taken.Where(mode => !MayMove(mode)).ToList();
        if (fixedOnes.Count > 0)
        {
            throw Wrong(string.Join('\n', fixedOnes.Select(mode =>
                $"{mode.Port!.Variable}: port {_ports[mode]} is in use. Stop what listens there, or set the variable to another port.")));
        }

        foreach (var mode in taken)
        {
            _ports[mode] = claims.Next();
        }
    }

    /// <summary>Whether another port may be used: not if a port was configured.</summary>
    private static bool MayMove(Mode mode) => mode.Port!.MayMove && Environment.GetEnvironmentVariable(mode.Port.Variable) is not { Length: > 0 };

    public static int Read(PortSetting setting)
    {
        if (Environment.GetEnvironmentVariable(setting.Variable) is not { Length: > 0 } text)
        {
            return setting.Default;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw Wrong($"{setting.Variable}: '{text}' is not a port; give a number from 1 to 65535.");
    }

    /// <summary>Tries to listen as the mode will: on all addresses, so that a listener on any of them is found.</summary>
    public static bool IsFree(int port)
    {
        try
        {
            using var listener = Socket.OSSupportsIPv6 ? TcpListener.Create(port) : new TcpListener(IPAddress.Any, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static StartException Wrong(string message) => new(message, StartException.ConfigurationExitCode);
}
