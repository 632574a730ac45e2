using System.Globalization;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Files;

internal static class FileErrors
{
    public static Problem TooMany(int most) =>
        new(CoreErrors.QuotaExceeded, string.Create(CultureInfo.InvariantCulture, $"The tenant may have {most} files: first delete files that are no longer used."));

    public static Problem TooLarge(int mostMb) =>
        new(CoreErrors.QuotaExceeded, string.Create(CultureInfo.InvariantCulture, $"The tenant's files may take {mostMb} MiB together: first delete files that are no longer used."));
}
