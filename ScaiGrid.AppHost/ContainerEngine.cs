#if ASPIRE
using System.ComponentModel;
using System.Diagnostics;

namespace ScaiGrid.AppHost;

/// <summary>Whether containers can run here: the build only finds out whether an engine may be installed.</summary>
internal static class ContainerEngine
{
    private static readonly string[] Engines = ["docker", "podman"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public static async Task<bool> AnswersAsync() => (await Task.WhenAll(Engines.Select(AnswersAsync))).Contains(true);

    private static async Task<bool> AnswersAsync(string engine)
    {
        using var info = new Process { StartInfo = new ProcessStartInfo(engine, "info") { RedirectStandardOutput = true, RedirectStandardError = true } };
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            info.Start();
            await Task.WhenAll(info.StandardOutput.ReadToEndAsync(limit.Token), info.StandardError.ReadToEndAsync(limit.Token), info.WaitForExitAsync(limit.Token));
            return info.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            // Not installed.
            return false;
        }
        catch (OperationCanceledException)
        {
            info.Kill(entireProcessTree: true);
            return false;
        }
    }
}
#endif
