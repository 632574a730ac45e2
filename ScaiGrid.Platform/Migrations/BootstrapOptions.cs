using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Settings of the rows that are created in an empty database.</summary>
public sealed partial class BootstrapOptions : IValidatableObject
{
    [Setting("SCAIGRID_BOOTSTRAP_ADMIN_EMAIL", "E-mail address of the first super admin.")]
    [RegularExpression(@"^[^@\s]+@[^@\s]+$", ErrorMessage = "must be an e-mail address.")]
    [StringLength(320)]
    public string AdminEmail { get; set; } = "admin@localhost";

    [Setting("SCAIGRID_BOOTSTRAP_API_KEY", "The first super admin's API key: `sgk_` and 32 or more of A-Z a-z 0-9 _ -.", Secret = true, DefaultText = "generated, printed once")]
    public string? ApiKey { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ApiKey is not null && !KeyShape().IsMatch(ApiKey))
        {
            yield return new ValidationResult("must be sgk_ followed by 32 to 200 characters of A-Z a-z 0-9 _ and -.", [nameof(ApiKey)]);
        }
    }

    [GeneratedRegex("^sgk_[A-Za-z0-9_-]{32,200}$")]
    private static partial Regex KeyShape();
}
