using System.ComponentModel.DataAnnotations;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Core.Redis;

/// <summary>Redis holds only data that can be rebuilt or is on its way to the database.</summary>
public sealed class RedisOptions : IValidatableObject
{
    [Setting(
        "SCAIGRID_REDIS_URL",
        "`redis://[user:password@]host:6379[/db]`, `rediss://` for TLS, `redis+sentinel://host1:26379,host2:26379/master`, `redis+cluster://host1:6379,host2:6379`.",
        Aliases = ["ConnectionStrings:redis"],
        Secret = true,
        DefaultText = "an embedded server, set by the AppHost")]
    [Required(ErrorMessage = "set Redis's address, for example redis://127.0.0.1:6379.")]
    public string? Url { get; set; }

    [Setting("SCAIGRID_REDIS_TIMEOUT_S", "Timeout for one Redis command.")]
    [Range(typeof(TimeSpan), "00:00:00.1", "00:01:00")]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Url is not null && !RedisAddress.TryParse(this, out _))
        {
            yield return new ValidationResult(
                "must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://, or be a StackExchange.Redis configuration string.",
                [nameof(Url)]);
        }
    }
}
