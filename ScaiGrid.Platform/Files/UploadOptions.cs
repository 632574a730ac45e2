using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Files;

/// <summary>What callers may upload.</summary>
public sealed class UploadOptions
{
    [Setting("SCAIGRID_FILE_MAX_MB", "Largest file that /v1/files takes, in MiB; the reverse proxy must let it through.")]
    [Range(1, 10_000)]
    public int FileMaxMb { get; set; } = 200;

    public long MaxBytes => FileMaxMb * 1024L * 1024;
}
