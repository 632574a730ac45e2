namespace ScaiGrid.AppHost.Local;

/// <summary>The folder with all data of embedded use, locked by one AppHost at a time.</summary>
internal sealed class DataDirectory : IDisposable
{
    private const string DefaultPath = ".scaigrid";
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
        EndedUncleanly = @lock.Length > 0;
        @lock.SetLength(0);
        @lock.Write("running"u8);
        @lock.Flush();
    }

    public string Path { get; }

    /// <summary>Whether the previous AppHost was killed, so that its children may still be ending.</summary>
    public bool EndedUncleanly { get; }

    public string SecretsFile => In("secrets.json");

    /// <summary>The folder named by the variable, relative to the current one.</summary>
    public static string Locate() =>
        System.IO.Path.GetFullPath(Environment.GetEnvironmentVariable(NeedVariables.DataDirectory) is { Length: > 0 } path ? path : DefaultPath);

    public static DataDirectory Open()
    {
        var path = Locate();
        try
        {
            Create(path);

            // The operating system releases the lock however this process ends.
            return new DataDirectory(path, new FileStream(
                System.IO.Path.Combine(path, "apphost.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (UnauthorizedAccessException exception)
        {
            throw Unusable(path, exception);
        }
        catch (IOException exception) when (exception is PathTooLongException or DirectoryNotFoundException || !Directory.Exists(path))
        {
            throw Unusable(path, exception);
        }
        catch (IOException)
        {
            throw new StartException(
                $"Another AppHost is running on {path}. Stop it, or set {NeedVariables.DataDirectory} to another folder.",
                StartException.ConfigurationExitCode);
        }
    }

    public string In(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Records an orderly stop: no process of ours is running any more.</summary>
    public void MarkClean()
    {
        _lock.SetLength(0);
        _lock.Flush();
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Creates a folder that only its owner can read.</summary>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private static StartException Unusable(string path, Exception exception) => new(
        $"{NeedVariables.DataDirectory}: the folder {path} cannot be used: {exception.Message}", StartException.ConfigurationExitCode);
}
