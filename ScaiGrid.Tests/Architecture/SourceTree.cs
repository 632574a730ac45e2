using ScaiGrid.Tests.Support;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The hand-written files of the repository, by their paths relative to its root.</summary>
internal static class SourceTree
{
    private static readonly string[] NotOurs = ["bin", "obj", "node_modules", "TestResults"];

    public static IReadOnlyList<string> Files(params string[] extensions) =>
    [
        .. Walk(new DirectoryInfo(Repository.Root))
            .Where(file => extensions.Contains(file.Extension))
            .Select(file => Path.GetRelativePath(Repository.Root, file.FullName).Replace('\\', '/'))
            .Order(StringComparer.Ordinal),
    ];

    public static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    public static int CountLines(string path) => File.ReadLines(Path.Combine(Repository.Root, path)).Count();

    private static IEnumerable<FileInfo> Walk(DirectoryInfo folder) => folder.EnumerateFiles().Concat(
        folder.EnumerateDirectories().Where(child => !child.Name.StartsWith('.') && !NotOurs.Contains(child.Name)).SelectMany(Walk));
}
