using System.Net.Sockets;
using System.Text;

namespace ScaiGrid.Tests.Support;

/// <summary>A proxy between a grid and its MariaDB that cuts the connection between a commit and its answer.</summary>
/// <param name="url">The database's URL.</param>
/// <param name="statement">The beginning of a statement: the commits of transactions with it are carried out, but not answered.</param>
public sealed class DatabaseProxy(string url, string statement) : TcpProxy(new Uri(url).Port)
{
    private int _cuts;

    /// <summary>The database's URL by way of this proxy.</summary>
    public string Url => new UriBuilder(url) { Port = Port }.Uri.ToString();

    /// <summary>The number of commits that were not answered.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    protected override async Task RelayAsync(Socket client, Socket server, CancellationToken gone)
    {
        var (isWatched, isCut) = (false, false);
        await await Task.WhenAny(CopyAsync(client, server, Asked), CopyAsync(server, client, _ => !Volatile.Read(ref isCut)));

        bool Asked(string text)
        {
            isWatched |= text.Contains(statement, StringComparison.Ordinal);
            if (isWatched && text.EndsWith("commit", StringComparison.OrdinalIgnoreCase))
            {
                Volatile.Write(ref isCut, true);
                Interlocked.Increment(ref _cuts);
            }

            return true;
        }

        async Task CopyAsync(Socket from, Socket to, Func<string, bool> goesOn)
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer, gone) is > 0 and var read && goesOn(Encoding.Latin1.GetString(buffer, 0, read)))
            {
                await to.SendAsync(buffer.AsMemory(0, read), gone);
            }
        }
    }
}
