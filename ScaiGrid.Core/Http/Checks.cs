using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>
/// Checks a request's fields and answers with all mistakes at once. Every check returns the value to go on with, which is
/// meaningful once <see cref="ThrowIfAny"/> has passed.
/// </summary>
public sealed class Checks
{
    /// <summary>No document of a request's own (metadata, configuration …) is larger, in bytes.</summary>
    private const int MaxDocument = 64 * 1024;

    private const int MaxListItems = 64;

    private readonly List<ErrorDetail> _mistakes = [];

    /// <summary>For checks that live elsewhere.</summary>
    public ICollection<ErrorDetail> Mistakes => _mistakes;

    public void Add(string field, string message) => _mistakes.Add(new ErrorDetail(field, message));

    /// <summary>Text that must be given and not be blank.</summary>
    public string Required(string field, string? value, int maxLength)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            Add(field, "is required.");
            return "";
        }

        return Text(field, value, maxLength)!;
    }

    /// <summary>Text that, when given, is not longer than <paramref name="maxLength"/>.</summary>
    public string? Text(string field, string? value, int maxLength)
    {
        if (value?.Length > maxLength)
        {
            Add(field, $"must be at most {maxLength} characters.");
        }

        return value;
    }

    /// <summary>One of a few words, or <paramref name="otherwise"/> when none is given.</summary>
    public string OneOf(string field, string? value, string otherwise, params ReadOnlySpan<string> allowed)
    {
        if (value is not null && !allowed.Contains(value))
        {
            Add(field, $"must be one of {string.Join(", ", allowed!)}.");
        }

        return value ?? otherwise;
    }

    /// <summary>One of a few words, which must be given; empty when it is none of them.</summary>
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

    /// <summary>A price as a decimal string, in nano-units, or <paramref name="otherwise"/> when none is given.</summary>
    public long Price(string field, string? value, long otherwise)
    {
        // A bound that keeps a call's cost inside 64 bits, whatever its tokens.
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

    /// <summary>A list of short words.</summary>
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
}
