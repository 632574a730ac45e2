using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Routing;

/// <summary>
/// A model's system prompt with variables: <c>{{date}}</c> and <c>{{time}}</c> (UTC), <c>{{model}}</c>, <c>{{model_name}}</c>,
/// <c>{{tenant}}</c>, <c>{{partner}}</c>, <c>{{user_name}}</c>. Values are never interpreted as templates
/// themselves; values that users chose are cut to one line. Braces around anything else are plain text.
/// </summary>
public sealed partial class PromptTemplate
{
    private const int LongestValue = 200;

    /// <summary>The variables, by name.</summary>
    public static readonly FrozenDictionary<string, Func<ModelRoute, Caller, DateTimeOffset, string>> Variables =
        new Dictionary<string, Func<ModelRoute, Caller, DateTimeOffset, string>>
        {
            ["date"] = (_, _, now) => now.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            ["time"] = (_, _, now) => now.UtcDateTime.ToString("HH:mm", CultureInfo.InvariantCulture),
            ["model"] = (model, _, _) => model.Slug,
            ["model_name"] = (model, _, _) => OneLine(model.DisplayName),
            ["tenant"] = (_, caller, _) => caller.TenantSlug,
            ["partner"] = (_, caller, _) => caller.PartnerSlug,
            ["user_name"] = (_, caller, _) => OneLine(caller.DisplayName),
        }.ToFrozenDictionary();

    // Alternating text and variables, starting with text.
    private readonly string[] _parts;

    private PromptTemplate(string[] parts) => _parts = parts;

    /// <summary>Parses a template.</summary>
    /// <returns>Null for a text without variables.</returns>
    public static PromptTemplate? Parse(string text)
    {
        var parts = new List<string>();
        var position = 0;
        foreach (var match in Variable().Matches(text).Where(match => Variables.ContainsKey(match.Groups[1].Value)))
        {
            parts.Add(text[position..match.Index]);
            parts.Add(match.Groups[1].Value);
            position = match.Index + match.Length;
        }

        if (parts.Count == 0)
        {
            return null;
        }

        parts.Add(text[position..]);
        return new PromptTemplate([.. parts]);
    }

    /// <summary>Names in a text that are not variables.</summary>
    public static IEnumerable<string> Unknown(string text) =>
        Variable().Matches(text).Select(match => match.Groups[1].Value).Where(name => !Variables.ContainsKey(name)).Distinct();

    public string Render(ModelRoute model, Caller caller, DateTimeOffset now)
    {
        var text = new StringBuilder();
        for (var i = 0; i < _parts.Length; i++)
        {
            text.Append(i % 2 == 0 ? _parts[i] : Variables[_parts[i]](model, caller, now));
        }

        return text.ToString();
    }

    private static string OneLine(string value)
    {
        var line = new string([.. value.Where(character => !char.IsControl(character)).Take(LongestValue)]);
        return line.Replace('\u2028', ' ').Replace('\u2029', ' ');
    }

    [GeneratedRegex(@"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")]
    private static partial Regex Variable();
}
