using Xunit;

namespace ScaiGrid.Tests.Architecture;

public sealed class TypeRules
{
    /// <summary>Classes that may be derived from; each needs a reason.</summary>
    private static readonly Type[] MadeToDeriveFrom = [];

    [Fact]
    public void Classes_AreSealed() => Breaches.None(
        Product.Types.Where(type => type.IsClass && !type.IsSealed && !type.IsAbstract).Except(MadeToDeriveFrom));
}
