using System.Globalization;
using System.Text;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Errors of the inference surfaces.</summary>
public static class InferenceErrors
{
    private const int LongestName = 100;

    public static readonly Error ModelNotFound = new("MODEL_NOT_FOUND", 404, "There is no such model.");
    public static readonly Error ModelAccessDenied = new("MODEL_ACCESS_DENIED", 403, "The model is not enabled for your tenant.");
    public static readonly Error ModelUnavailable = new("MODEL_UNAVAILABLE", 503, "No backend of this model can serve the call at the moment.");
    public static readonly Error BackendError = new("BACKEND_ERROR", 502, "The upstream failed.");
    public static readonly Error BackendRateLimited = new("BACKEND_RATE_LIMITED", 429, "The upstream's rate limit has been reached.");
    public static readonly Error RateLimited = new("RATE_LIMITED", 429, "The requests-per-minute limit has been reached.");
    public static readonly Error BudgetExceeded = new("BUDGET_EXCEEDED", 429, "A budget has no room for this call; wait for its next period, or raise its limit.");
    public static readonly Error BackendTimeout = new("BACKEND_TIMEOUT", 504, "The upstream did not answer in time.");
    public static readonly Error UpstreamShapeMismatch = new("UPSTREAM_SHAPE_MISMATCH", 502, "The upstream's response could not be parsed.");

    /// <summary><see cref="ModelNotFound"/> with the requested name, which may be any text: shortened, and with invisible characters replaced.</summary>
    /// <param name="slug">As the caller wrote it.</param>
    /// <param name="snapshots">If the snapshot is stale, it does not prove that there is no such model.</param>
    public static Problem NoModel(string slug, SnapshotStore snapshots)
    {
        if (snapshots.IsStale)
        {
            return new Problem(CoreErrors.Unavailable);
        }

        var name = new StringBuilder();
        foreach (var rune in slug.EnumerateRunes())
        {
            if (name.Length >= LongestName)
            {
                name.Append('…');
                break;
            }

            name.Append(Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned ? Rune.ReplacementChar : rune);
        }

        return new Problem(ModelNotFound, $"There is no model '{name}'.");
    }
}
