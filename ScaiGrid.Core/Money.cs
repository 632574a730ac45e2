using System.Globalization;

namespace ScaiGrid.Core;

/// <summary>
/// Money is whole nano-units of the installation's currency in 64-bit integers (1 unit = 10^9 nano-units);
/// decimal strings appear only on the wire. Prices are nano-units per million tokens.
/// </summary>
public static class Money
{
    public const long NanosPerUnit = 1_000_000_000;

    private const long TokensPerPrice = 1_000_000;
    private const int MaxDigits = 28;

    /// <summary>The price of a call in nano-units: summed first, then rounded half up.</summary>
    /// <param name="inputTokens">Tokens read by the model, cached ones included.</param>
    /// <param name="outputTokens">Tokens written by the model, reasoning ones included.</param>
    /// <param name="inputPrice">Nano-units per million input tokens.</param>
    /// <param name="outputPrice">Nano-units per million output tokens.</param>
    /// <param name="cachedTokens">Tokens read from the upstream's cache, if they have a price of their own; not included in <paramref
    /// name="inputTokens"/>.</param>
    /// <param name="cachedPrice">Nano-units per million cached tokens.</param>
    public static long Cost(long inputTokens, long outputTokens, long inputPrice, long outputPrice, long cachedTokens = 0, long cachedPrice = 0)
    {
        var total = ((Int128)inputTokens * inputPrice) + ((Int128)outputTokens * outputPrice) + ((Int128)cachedTokens * cachedPrice);

        // An absurd count from an upstream must not turn a cost into a credit.
        return (long)Int128.Clamp((total + (TokensPerPrice / 2)) / TokensPerPrice, 0, long.MaxValue);
    }

    /// <summary>Adds amounts that are not negative. A sum beyond 64 bits saturates instead of throwing or becoming a credit.</summary>
    public static long Add(long left, long right) => left > long.MaxValue - right ? long.MaxValue : left + right;

    /// <summary>Formats nano-units as a decimal string without trailing zeros: 7275000 is <c>0.007275</c>.</summary>
    public static string Format(Int128 nanos) => ((decimal)nanos / NanosPerUnit).ToString("0.#########", CultureInfo.InvariantCulture);

    /// <summary>Parses a decimal string such as <c>2.50</c>: not negative, at most nine decimals, no exponent.</summary>
    public static bool TryParse(string? text, out long nanos)
    {
        nanos = 0;

        // A longer text would be rounded silently by the decimal parser.
        if (text?.Length > MaxDigits
            || !decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var units)
            || units > long.MaxValue / NanosPerUnit)
        {
            return false;
        }

        var scaled = units * NanosPerUnit;
        nanos = (long)scaled;
        return scaled == nanos;
    }
}
