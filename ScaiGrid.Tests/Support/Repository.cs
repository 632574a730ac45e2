namespace ScaiGrid.Tests.Support;

/// <summary>The checkout that the tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "ScaiGrid.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException("The tests run outside of a checkout.");
    }
}
