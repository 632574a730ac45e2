using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Applies the migrations of streams, or shows their state. The output is written for people, in a terminal or a deployment's log.</summary>
public sealed class MigrationRun
{
    private readonly DatabaseAddress _address;
    private readonly DatabaseStart _database;
    private readonly Bootstrap _bootstrap;
    private readonly BootstrapOptions _bootstrapOptions;
    private readonly TimeProvider _time;
    private readonly TextWriter _output;
    private readonly TextWriter _errors;

    /// <param name="services">A host's services, after <see cref="MigrationServices.AddMigrations"/>.</param>
    /// <param name="output">Receives the progress.</param>
    /// <param name="errors">Receives failures and their reasons.</param>
    public MigrationRun(IServiceProvider services, TextWriter output, TextWriter errors)
    {
        _time = services.GetRequiredService<TimeProvider>();
        _address = services.GetRequiredService<DatabaseOptions>().Address;
        _bootstrapOptions = services.GetRequiredService<BootstrapOptions>();
        _database = new DatabaseStart(_address, _time, output);
        _bootstrap = new Bootstrap(services.GetRequiredService<IDbContextFactory<PlatformDb>>(), _bootstrapOptions, _time);
        (_output, _errors) = (output, errors);
    }

    /// <summary>Lists the steps of each stream, without applying any.</summary>
    /// <exception cref="DbException">The database refused, or cannot be reached.</exception>
    public async Task StatusAsync(IReadOnlyList<MigrationStream> streams, CancellationToken cancellationToken)
    {
        await using var connection = await _address.OpenAsync(cancellationToken);
        foreach (var stream in streams)
        {
            var pending = await AppliedVersions.PendingAsync(connection, stream, cancellationToken);
            await _output.WriteLineAsync($"{stream.Name}: {stream.Steps.Count - pending.Count} applied, {pending.Count} pending");
            foreach (var step in stream.Steps)
            {
                await _output.WriteLineAsync($"  {(pending.Contains(step) ? "pending" : "applied")}  {step.Version} {step.Name}");
            }
        }
    }

    /// <summary>Applies pending steps, the core's first. If a module's migration fails, the other modules are still migrated.</summary>
    /// <returns>Whether all streams are up to date.</returns>
    /// <exception cref="DbException">The database refused, or could not be reached in time.</exception>
    public async Task<bool> RunAsync(IReadOnlyList<MigrationStream> streams, CancellationToken cancellationToken)
    {
        await _database.PrepareAsync(cancellationToken);
        await using var held = await MigrationLock.TakeAsync(_address, _time, _output, cancellationToken);
        var succeeded = true;
        foreach (var stream in streams)
        {
            succeeded &= await MigrateAsync(stream, held, cancellationToken);
            if (stream == MigrationStream.Core)
            {
                if (!succeeded)
                {
                    await _errors.WriteLineAsync("Modules build on the core's tables: their streams were left alone.");
                    return false;
                }

                await BootstrapAsync(cancellationToken);
            }
        }

        return succeeded;
    }

    private async Task<bool> MigrateAsync(MigrationStream stream, MigrationLock held, CancellationToken cancellationToken)
    {
        // Read while holding the lock: another migrator may just have applied them.
        await using var connection = await _address.OpenAsync(cancellationToken);
        var pending = await AppliedVersions.PendingAsync(connection, stream, cancellationToken);
        await connection.CloseAsync();
        if (pending.Count == 0)
        {
            await _output.WriteLineAsync($"{stream.Name}: nothing to do");
            return true;
        }

        using var migrator = new StreamMigrator(_address, stream);
        foreach (var step in pending)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var started = _time.GetTimestamp();
            try
            {
                held.ThrowIfLost();
                migrator.Apply(step);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                await _errors.WriteLineAsync($"{stream.Name}: FAILED at {step.Version} {step.Name}: {Reason(exception)}");
                return false;
            }

            await _output.WriteLineAsync($"{stream.Name}: applied {step.Version} {step.Name} ({_time.GetElapsedTime(started).TotalMilliseconds:0} ms)");
        }

        return true;
    }

    private async Task BootstrapAsync(CancellationToken cancellationToken)
    {
        if (await _bootstrap.RunAsync(cancellationToken) is { } key)
        {
            await _output.WriteLineAsync($"""

                The first super admin is {_bootstrapOptions.AdminEmail}. Its API key, shown this once and not stored:

                    {key}

                """);
        }
    }

    // FluentMigrator wraps the database's exception in one with the statement.
    private static string Reason(Exception exception)
    {
        var inner = exception;
        while (inner is not DbException && inner.InnerException is { } next)
        {
            inner = next;
        }

        return inner.Message;
    }
}
