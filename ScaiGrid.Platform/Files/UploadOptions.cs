using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Files;

/// <summary>Limits and retention of uploaded files.</summary>
public sealed class UploadOptions
{
    [Setting("SCAIGRID_FILE_MAX_MB", "Maximum size of a file that /v1/files accepts, in MiB; the reverse proxy must accept as much.")]
    [Range(1, 10_000)]
    public int FileMaxMb { get; set; } = 200;

    [Setting(
        "SCAIGRID_FILE_MB_PER_TENANT",
        "Maximum size of all files of a tenant together, in MiB; 0 for no limit. Results of batches count but are never refused; uploads and inputs of batches are.")]
    [Range(0, 1_000_000_000)]
    public int FileMbPerTenant { get; set; } = 102_400;

    [Setting("SCAIGRID_FILES_PER_TENANT", "Maximum number of files of a tenant; 0 for no limit. Results of batches count but are never refused.")]
    [Range(0, 1_000_000_000)]
    public int FilesPerTenant { get; set; } = 50_000;

    [Setting("SCAIGRID_FILE_RETENTION_DAYS", "Days for which files and finished batches are kept; 0 for ever.")]
    [Range(0, 36_500)]
    public int FileRetentionDays { get; set; } = 30;

    /// <summary>When a file is deleted; null for never.</summary>
    public DateTimeOffset? ExpiryOf(DateTimeOffset createdAt) => FileRetentionDays == 0 ? null : createdAt.AddDays(FileRetentionDays);

    public long MaxBytes => FileMaxMb * 1024L * 1024;

    public long BytesPerTenant => FileMbPerTenant * 1024L * 1024;
}
