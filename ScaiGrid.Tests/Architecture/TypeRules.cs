using Xunit;

namespace ScaiGrid.Tests.Architecture;

public sealed class TypeRules
{
    /// <summary>Classes that others may derive from, each with its reason.</summary>
    private static readonly Type[] MadeToDeriveFrom = [];

    [Fact]
    public void Classes_AreSealed() => Breaches.None(
        Product.Types.Where(type => type.IsClass && !type.IsSealed && !type.IsAbstract).Except(MadeToDeriveFrom));
}
