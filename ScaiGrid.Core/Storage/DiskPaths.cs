using System.Globalization;
using System.Text;

namespace ScaiGrid.Core.Storage;

/// <summary>Maps keys to file names and back.</summary>
/// <remarks>
/// <c>images/Base.img</c> becomes <c>images.d/%42ase%2eimg.b</c>: folders end in <c>.d</c> and blobs in <c>.b</c>, so that <c>a</c> and
/// <c>a/b</c> do not collide. Everything but <c>a-z 0-9 _ -</c> is escaped, so that no key leaves the root, and keys that differ only
/// in case stay different on file systems that ignore case. A name that is too long for a file system continues in a folder ending in <c>.c</c>.
/// </remarks>
internal static class DiskPaths
{
    public const string BlobSuffix = ".b";
    private const string FolderSuffix = ".d";
    private const string ContinuedSuffix = ".c";
    private const int MaxNameLength = 200;

    public static string ForKey(string key)
    {
        var slash = key.LastIndexOf('/');
        return Path.Combine(ForFolder(key[..(slash + 1)]), Names(key[(slash + 1)..], BlobSuffix));
    }

    /// <summary>The folder with the keys under <paramref name="folder"/>, which is empty or ends in a slash.</summary>
    public static string ForFolder(string folder) =>
        Path.Combine([.. folder.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(segment => Names(segment, FolderSuffix))]);

    /// <param name="path">Relative to the root.</param>
    public static string ToKey(string path)
    {
        var key = new StringBuilder(path.Length);
        foreach (var name in path.Split(Path.DirectorySeparatorChar))
        {
            key.Append(name.AsSpan(0, name.Length - BlobSuffix.Length));
            if (name.EndsWith(FolderSuffix, StringComparison.Ordinal))
            {
                key.Append('/');
            }
        }

        return Unescape(key.ToString());
    }

    private static string Names(string segment, string suffix)
    {
        var pieces = Escape(segment).Chunk(MaxNameLength).Select(piece => new string(piece)).ToArray();
        return Path.Combine([.. pieces[..^1].Select(piece => piece + ContinuedSuffix), pieces[^1] + suffix]);
    }

    private static string Escape(string segment)
    {
        var escaped = new StringBuilder(segment.Length);
        foreach (var b in Encoding.UTF8.GetBytes(segment))
        {
            if (b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'0' and <= (byte)'9') or (byte)'_' or (byte)'-')
            {
                escaped.Append((char)b);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"%{b:x2}");
            }
        }

        return escaped.ToString();
    }

    private static string Unescape(string escaped)
    {
        var bytes = new List<byte>(escaped.Length);
        for (var i = 0; i < escaped.Length; i++)
        {
            if (escaped[i] == '%')
            {
                bytes.Add(byte.Parse(escaped.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 2;
            }
            else
            {
                bytes.Add((byte)escaped[i]);
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
