using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Data;

/// <summary>The database: MariaDB (Galera) in production, SQLite in embedded use.</summary>
public sealed class DatabaseOptions : IValidatableObject
{
    [Setting(
        "SCAIGRID_DATABASE_URL",
        "`mysql://user:password@host1,host2:3306/database` (several hosts: the first healthy one is the writer) or `sqlite:///absolute/path`.",
        Aliases = ["ConnectionStrings:scaigrid"],
        Secret = true,
        DefaultText = "a SQLite file, set by the AppHost")]
    [Required(ErrorMessage = "set the database's address, for example mysql://user:password@host:3306/scaigrid or sqlite:///var/lib/scaigrid/scaigrid.db.")]
    public string? Url { get; set; }

    [Setting("SCAIGRID_DATABASE_SERVER_VERSION", "Version of the MariaDB server, which determines the generated SQL; a newer server works too.")]
    public string ServerVersion { get; set; } = "10.11";

    [Setting("SCAIGRID_DATABASE_POOL_SIZE", "Maximum number of database connections of one process, besides two that load the snapshot.")]
    [Range(2, 1000)]
    public int PoolSize { get; set; } = 50;

    [Setting("SCAIGRID_DATABASE_TIMEOUT_S", "Timeout for a connection, and for one statement.")]
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The parsed address.</summary>
    public DatabaseAddress Address => DatabaseAddress.TryParse(this, out var address, out _) ? address : throw new InvalidOperationException("Settings were not checked.");

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Url is not null && !DatabaseAddress.TryParse(this, out _, out var mistake))
        {
            yield return new ValidationResult(mistake, [nameof(Url)]);
        }

        if (!Version.TryParse(ServerVersion, out _))
        {
            yield return new ValidationResult("must be a version such as 10.11.", [nameof(ServerVersion)]);
        }
    }
}
