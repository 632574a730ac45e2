using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace ScaiGrid.AppHost.Local;

/// <summary>The port of each server, checked before anything starts.</summary>
internal sealed class Ports
{
    private readonly Dictionary<Mode, int> _ports = [];

    private Ports()
    {
    }

    public int this[Mode mode] => _ports[mode];

    public static async Task<Ports> ReadAsync(TimeSpan patience, TimeProvider time)
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

        var started = time.GetTimestamp();
        while (ports.Taken() is { Count: > 0 } taken)
        {
            if (time.GetElapsedTime(started) >= patience)
            {
                ports.Move(taken);
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(100), time);
        }

        return ports;
    }

    private List<Mode> Taken() => [.. _ports.Where(entry => !IsFree(entry.Value)).Select(entry => entry.Key)];

    private void Move(List<Mode> taken)
    {
        var fixedOnes = taken.Where(mode => !mode.Port!.MayMove || IsSet(mode.Port)).ToList();
        if (fixedOnes.Count > 0)
        {
            throw Wrong(string.Join('\n', fixedOnes.Select(mode =>
                $"{mode.Port!.Variable}: port {_ports[mode]} is in use. Stop what listens there, or set the variable to another port.")));
        }

        foreach (var mode in taken)
        {
            _ports[mode] = Free();
        }
    }

    private static bool IsSet(PortSetting setting) => Environment.GetEnvironmentVariable(setting.Variable) is { Length: > 0 };

    /// <summary>A port that is free at the moment, on loopback.</summary>
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

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

    /// <summary>Listens where the mode will: on all addresses, so that a listener on any single one of them is met.</summary>
    private static bool IsFree(int port)
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
