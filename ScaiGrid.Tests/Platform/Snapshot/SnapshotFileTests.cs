using ScaiGrid.Platform.Snapshot;
using Xunit;

namespace ScaiGrid.Tests.Platform.Snapshot;

/// <summary>The file of the last snapshot, on a data folder that several replicas share.</summary>
public sealed class SnapshotFileTests
{
    /// <summary>All of a row's values, and which of them it must have: what a version after this one adds makes its files another version's.</summary>
    [Fact]
    public void Shape_NamesEachValueOfEachTable()
    {
        var lines = new SnapshotRows().Shape.Split('\n');
        Assert.Equal(new SnapshotRows().Tables.Select(table => table.Name), lines.Select(line => line.Split(' ')[0]));
        Assert.Equal("GroupMember { GroupId: System.String, UserId: System.String }", lines.Single(line => line.StartsWith("GroupMember ", StringComparison.Ordinal)));
        Assert.Contains("ModelId: System.String?", lines.Single(line => line.StartsWith("ModelAccess ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }
}
