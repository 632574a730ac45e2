using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace ScaiGrid.AppHost.Local;

/// <summary>Two POSIX calls that .NET does not expose.</summary>
[UnsupportedOSPlatform("windows")]
internal static partial class UnixProcess
{
    private const int SignalTerminate = 15;

    public static void Terminate(int processId) => _ = Kill(processId, SignalTerminate);

    public static int ParentId() => GetParentProcessId();

    /// <summary>Whether our parent is the dotnet tool: `dotnet run` and `dotnet watch` should end together with us.</summary>
    public static bool ParentIsDotnet()
    {
        try
        {
            using var parent = Process.GetProcessById(ParentId());
            return parent.ProcessName == "dotnet";
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int GetParentProcessId();
}
