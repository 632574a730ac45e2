using System.Reflection;
using System.Runtime.CompilerServices;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The product's assemblies in the output folder of the tests. The AppHost is not among them: tests only start it as a process.</summary>
internal static class Product
{
    public static IReadOnlyList<Assembly> Assemblies { get; } =
    [
        .. Directory.EnumerateFiles(AppContext.BaseDirectory, "ScaiGrid.*.dll")
            .Select(path => Path.GetFileNameWithoutExtension(path))
            .Where(name => name != typeof(Product).Assembly.GetName().Name)
            .Order(StringComparer.Ordinal)
            .Select(Assembly.Load),
    ];

    /// <summary>Hand-written types, without those of the compiler and of generators.</summary>
    public static IReadOnlyList<Type> Types { get; } =
    [
        .. Assemblies.SelectMany(assembly => assembly.GetTypes()).Where(type =>
            type.Namespace?.StartsWith("ScaiGrid.", StringComparison.Ordinal) == true
            && type.Namespace != "ScaiGrid.Grpc.V1"
            && !type.Name.Contains('<', StringComparison.Ordinal)
            && !type.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false)),
    ];

    public static Assembly Find(string name) => Assemblies.Single(assembly => assembly.GetName().Name == name);
}
