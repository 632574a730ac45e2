using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>The file of the last snapshot, in a data folder that several replicas share.</summary>
public sealed class SnapshotFileTests
{
    private static readonly SecretBox Box = new(new SecretOptions { SecretKey = Secrets.SecretKey });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>In containers each replica is process 1.</summary>
    [Fact]
    public async Task ReplicasOfOneProcessId_WriteAtOnce_AndTheFileIsAlwaysWhole()
    {
        using var folder = new TemporaryFolder();
        var told = new Listener();
        await Task.WhenAll(Enumerable.Range(1, 4).Select(async replica =>
        {
            var (file, rows) = (NewFile(folder, told), NewRows(replica * 1000));
            for (var i = 0; i < 25; i++)
            {
                await file.WriteAsync(file.Seal(rows), Cancellation);
                Assert.NotNull(await file.ReadAsync(new SnapshotRows(), Cancellation));
            }
        }));

        Assert.Empty(told.Warnings);
        Assert.Equal(["snapshot.sealed"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task WhatAProcessThatWasKilledLeft_IsRemovedInTime()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "snapshot.sealed.old", "snapshot.sealed.new", "other" })
        {
            await File.WriteAllTextAsync(folder.File(name), "", Cancellation);
        }

        File.SetLastWriteTimeUtc(folder.File("snapshot.sealed.old"), TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-2));
        var file = NewFile(folder, new Listener());
        await file.WriteAsync(file.Seal(NewRows(1)), Cancellation);
        Assert.Equal(["other", "snapshot.sealed", "snapshot.sealed.new"], Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task WriteThatFails_LeavesTheOldFile_HoweverOld()
    {
        using var folder = new TemporaryFolder();
        var file = NewFile(folder, new Listener());
        await file.WriteAsync(file.Seal(NewRows(1)), Cancellation);
        File.SetLastWriteTimeUtc(folder.File("snapshot.sealed"), TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => file.WriteAsync(file.Seal(NewRows(2)), new CancellationToken(canceled: true)));
        Assert.NotNull(await file.ReadAsync(new SnapshotRows(), Cancellation));
    }

    /// <summary>
    /// The shape has all values of a row, and which of them are required. A later version that adds a value has another shape, so that its files are
    /// recognized.
    /// </summary>
    [Fact]
    public void Shape_NamesEachValueOfEachTable()
    {
        var lines = new SnapshotRows().Shape.Split('\n');
        Assert.Equal(new SnapshotRows().Tables.Select(table => table.Name), lines.Select(line => line.Split(' ')[0]));
        Assert.Equal("GroupMember { GroupId: System.String, UserId: System.String }", lines.Single(line => line.StartsWith("GroupMember ", StringComparison.Ordinal)));
        Assert.Contains("ModelId: System.String?", lines.Single(line => line.StartsWith("ModelAccess ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    private static SnapshotFile NewFile(TemporaryFolder folder, Listener told) =>
        new(new HostSettings { DataDirectory = folder.Path }, new SnapshotOptions(), Box, TimeProvider.System, told);

    private static SnapshotRows NewRows(int partners)
    {
        var rows = new SnapshotRows();
        var stored = Enumerable.Range(0, partners).Select(i => new Partner { Id = $"ptn_{i}", Slug = $"p-{i}", DisplayName = $"{Guid.CreateVersion7()}", CreatedAt = default, UpdatedAt = default });
        rows.Partners.Read(System.Text.Json.JsonSerializer.SerializeToElement(stored));
        return rows;
    }

    private sealed class Listener : ILogger<SnapshotFile>
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Warnings { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Warnings.Enqueue(formatter(state, exception));
    }
}
