using System.Globalization;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Files;

internal static class FileErrors
{
    public static readonly Error QuotaExceeded = new("QUOTA_EXCEEDED", 429, "The tenant has no room for more files: delete files that are no longer used first.");

    public static Problem TooMany(int most) =>
        new(QuotaExceeded, string.Create(CultureInfo.InvariantCulture, $"The tenant may have {most} files: delete files that are no longer used first."));

    public static Problem TooLarge(int mostMb) =>
        new(QuotaExceeded, string.Create(CultureInfo.InvariantCulture, $"The tenant's files may take {mostMb} MiB together: delete files that are no longer used first."));
}
