using System.Data.Common;
using System.Runtime.InteropServices;
using Microsoft.EntityFrameworkCore.Storage;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Migrations;

namespace ScaiGrid.Migrator;

/// <summary>Runs the command, and returns the exit code.</summary>
internal static class MigratorCommand
{
    public static async Task<int> RunAsync(IServiceProvider services, IReadOnlyList<MigrationStream> streams, MigratorArguments arguments)
    {
        using var stop = new CancellationTokenSource();
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, StopAfterStep);
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, StopAfterStep);
        var run = new MigrationRun(services, Console.Out, Console.Error);
        try
        {
            if (arguments.RotateSecretKey)
            {
                return await new SecretRotation(services, Console.Out, Console.Error).RunAsync(stop.Token) ? 0 : 1;
            }

            if (arguments.Status)
            {
                await run.StatusAsync(streams, stop.Token);
                return 0;
            }

            return await run.RunAsync(streams, stop.Token) ? 0 : 1;
        }
        catch (Exception exception) when (exception is DbException or RetryLimitExceededException or CommitUnknownException)
        {
            await Console.Error.WriteLineAsync($"The database failed: {exception.GetBaseException().Message}");
            return 1;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped before the end; what was applied stays. Run it again.");
            return 1;
        }

        // The current step runs to its end, and the lock is released.
        void StopAfterStep(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }
}
