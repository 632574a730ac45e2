using System.Text.RegularExpressions;
using ScaiGrid.Core.Errors;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Clients branch on error codes.</summary>
public sealed partial class ErrorRules
{
    /// <summary>
    /// A code is defined in one catalogue. Only the general codes of the core may be defined again elsewhere, with a more specific message.
    /// </summary>
    [Fact]
    public void Codes_AreUnique() => Breaches.None(
        from entry in ErrorCatalogue.Entries
        group entry.Owner by entry.Error.Code into owners
        where owners.Count() > 1 && owners.Count(owner => owner == nameof(CoreErrors)) != 1
        select $"{owners.Key}: {string.Join(", ", owners)}");

    [Fact]
    public void Code_HasOneStatus() =>
        Breaches.None(ErrorCatalogue.Entries.GroupBy(entry => entry.Error.Code, entry => entry.Error.Status).Where(code => code.Distinct().Count() > 1).Select(code => code.Key));

    [Fact]
    public void Entries_HaveTheirShape() => Assert.All(ErrorCatalogue.Entries, entry =>
    {
        Assert.EndsWith("Errors", entry.Owner, StringComparison.Ordinal);
        Assert.Matches(Code(), entry.Error.Code);
        Assert.InRange(entry.Error.Status, 400, 599);
        Assert.EndsWith(".", entry.Error.Message, StringComparison.Ordinal);
    });

    /// <summary>An error that is created outside a catalogue would be missing from the documented error codes.</summary>
    [Fact]
    public void Errors_AreMadeInCatalogues() => Breaches.None(SourceTree.Files(".cs").Where(path =>
        !path.StartsWith("ScaiGrid.Tests/", StringComparison.Ordinal) && !path.EndsWith("Errors.cs", StringComparison.Ordinal) && Made().IsMatch(SourceTree.Read(path))));

    [GeneratedRegex("^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")]
    private static partial Regex Code();

    [GeneratedRegex("""new( Error)?\("[A-Z0-9_]+", ?\d{3}""")]
    private static partial Regex Made();
}
