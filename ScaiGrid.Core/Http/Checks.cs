using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>
/// Validates a request's fields and reports all mistakes at once. Every check returns the value to use, which is valid once
/// <see cref="ThrowIfAny"/> has returned.
/// </summary>
public sealed class Checks
{
    /// <summary>The largest free-form document in a request (metadata, configuration …), in bytes.</summary>
    private const int MaxDocument = 64 * 1024;

    private const int MaxListItems = 64;

    private const string NotALine = "must be one line, without control characters and without marks that override the direction of text.";

    private readonly List<ErrorDetail> _mistakes = [];

    /// <summary>The mistakes found so far; other code may add its own.</summary>
    public ICollection<ErrorDetail> Mistakes => _mistakes;

    public void Add(string field, string message) => _mistakes.Add(new ErrorDetail(field, message));

    /// <summary>Requires a text of one line that is not blank.</summary>
    public string Required(string field, string? value, int maxLength) =>
        IsThere(field, value) && Text(field, value, maxLength) is { } text && PlainText.IsLine(text) ? text : "";

    /// <summary>Requires a text of any number of lines that is not blank.</summary>
    public string RequiredProse(string field, string? value, int maxLength) => IsThere(field, value) ? Prose(field, value, maxLength)! : "";

    /// <summary>An optional text of one line, of at most <paramref name="maxLength"/> characters.</summary>
    public string? Text(string field, string? value, int maxLength)
    {
        if (value is not null && !PlainText.IsLine(value))
        {
            Add(field, NotALine);
        }

        return NotLonger(field, value, maxLength);
    }

    /// <summary>An optional text of any number of lines, of at most <paramref name="maxLength"/> characters.</summary>
    public string? Prose(string field, string? value, int maxLength)
    {
        if (value is not null && !PlainText.IsProse(value))
        {
            Add(field, "must not have the character NUL (U+0000).");
        }

        return NotLonger(field, value, maxLength);
    }

    /// <summary>An optional value of a fixed set; <paramref name="otherwise"/> if it is not given.</summary>
    public string OneOf(string field, string? value, string otherwise, params ReadOnlySpan<string> allowed)
    {
        if (value is not null && !allowed.Contains(value))
        {
            Add(field, $"must be one of {string.Join(", ", allowed!)}.");
        }

        return value ?? otherwise;
    }

    /// <summary>A required value of a fixed set; empty if it is invalid.</summary>
    public string RequiredOneOf(string field, string? value, params ReadOnlySpan<string> allowed)
    {
        var word = value is null ? Required(field, value, 0) : OneOf(field, value, "", allowed);
        return allowed.Contains(word) ? word : "";
    }

    public int? Between(string field, int? value, int min, int max)
    {
        if (value < min || value > max)
        {
            Add(field, $"must be between {min} and {max}.");
        }

        return value;
    }

    /// <summary>A price given as a decimal string, in nano-units; <paramref name="otherwise"/> if it is not given.</summary>
    public long Price(string field, string? value, long otherwise)
    {
        // Keeps a call's cost within 64 bits for any number of tokens.
        const long MaxUnits = 1_000_000;
        if (value is null)
        {
            return otherwise;
        }

        if (!Money.TryParse(value, out var nanos) || nanos > MaxUnits * Money.NanosPerUnit)
        {
            Add(field, $"must be a decimal string such as \"2.50\", at most {MaxUnits}, with at most nine decimals.");
        }

        return nanos;
    }

    public DateTimeOffset? Time(string field, string? value)
    {
        if (value is null)
        {
            return null;
        }

        if (WireTime.TryParse(value, out var time))
        {
            return time;
        }

        Add(field, WireTime.Expected);
        return null;
    }

    /// <summary>A list of short texts.</summary>
    public string[]? Words(string field, string?[]? values)
    {
        if (values is null)
        {
            return null;
        }

        if (values.Length > MaxListItems)
        {
            Add(field, $"must have at most {MaxListItems} items.");
        }

        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] is not { Length: > 0 and <= 64 })
            {
                Add($"{field}[{i}]", "must be a string of 1 to 64 characters.");
            }
            else if (!PlainText.IsLine(values[i]!))
            {
                Add($"{field}[{i}]", NotALine);
            }
        }

        return [.. values.OfType<string>().Distinct()];
    }

    public JsonObject? Document(string field, JsonObject? value)
    {
        if (value is not null && Encoding.UTF8.GetByteCount(value.ToJsonString()) > MaxDocument)
        {
            Add(field, $"must be at most {MaxDocument} bytes.");
        }

        return value;
    }

    /// <exception cref="ApiException">VALIDATION_ERROR with every mistake found.</exception>
    public void ThrowIfAny()
    {
        if (_mistakes.Count > 0)
        {
            throw new ApiException(new Problem(CoreErrors.Validation, Details: _mistakes));
        }
    }

    private bool IsThere(string field, string? value)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            Add(field, "is required.");
            return false;
        }

        return true;
    }

    private string? NotLonger(string field, string? value, int maxLength)
    {
        if (value?.Length > maxLength)
        {
            Add(field, $"must be at most {maxLength} characters.");
        }

        return value;
    }
}
