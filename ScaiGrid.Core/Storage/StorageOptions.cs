using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Storage;

/// <summary>The blob store: S3 if an endpoint is set, otherwise files on disk (embedded use).</summary>
public sealed class StorageOptions : IValidatableObject
{
    [Setting("SCAIGRID_S3_ENDPOINT", "URL of the S3-compatible store (Garage, MinIO, AWS); unset: files on disk.")]
    public Uri? S3Endpoint { get; set; }

    [Setting("SCAIGRID_S3_REGION", "Region in the signatures of requests; Garage and MinIO have their own.")]
    public string S3Region { get; set; } = "us-east-1";

    [Setting("SCAIGRID_S3_BUCKET", "Bucket; created at first use if it does not exist.")]
    public string? S3Bucket { get; set; }

    [Setting("SCAIGRID_S3_ACCESS_KEY_ID", "Access key.")]
    public string? S3AccessKeyId { get; set; }

    [Setting("SCAIGRID_S3_SECRET_ACCESS_KEY", "Its secret.", Secret = true)]
    public string? S3SecretAccessKey { get; set; }

    [Setting("SCAIGRID_S3_FORCE_PATH_STYLE", "Whether the bucket is in the path of URLs instead of the host name.")]
    public bool S3ForcePathStyle { get; set; } = true;

    [Setting("SCAIGRID_S3_TIMEOUT_S", "Timeout for one response of the store, or for the next bytes of a body; a whole body may take longer.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "00:10:00")]
    public TimeSpan S3Timeout { get; set; } = TimeSpan.FromSeconds(30);

    [Setting("SCAIGRID_S3_UPLOAD_BUFFERS", "Number of buffers of 5 MiB that all uploads of a process share; an upload uses up to four.")]
    [Range(1, 1024)]
    public int S3UploadBuffers { get; set; } = 6;

    [Setting("SCAIGRID_STORAGE_PATH", "Folder for blobs if no S3 endpoint is set.", DefaultText = "`blobs` in `SCAIGRID_DATA_DIR`")]
    public string? Path { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (S3Endpoint is null)
        {
            // Whoever sets these wants S3: storing on a container's disk instead would lose the data.
            if (S3Bucket is not null || S3AccessKeyId is not null || S3SecretAccessKey is not null)
            {
                yield return new ValidationResult("set the store's URL, or remove the other SCAIGRID_S3_ variables to keep blobs on disk.", [nameof(S3Endpoint)]);
            }

            yield break;
        }

        if (S3Endpoint.Scheme is not ("http" or "https"))
        {
            yield return new ValidationResult("must begin with http:// or https://.", [nameof(S3Endpoint)]);
        }

        foreach (var (name, value) in new[] { (nameof(S3Bucket), S3Bucket), (nameof(S3AccessKeyId), S3AccessKeyId), (nameof(S3SecretAccessKey), S3SecretAccessKey) })
        {
            if (value is null)
            {
                yield return new ValidationResult("is needed because SCAIGRID_S3_ENDPOINT is set.", [name]);
            }
        }
    }
}
