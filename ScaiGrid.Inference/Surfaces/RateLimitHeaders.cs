using System.Globalization;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>The headers that show how close a caller is to its rate limits.</summary>
public static class RateLimitHeaders
{
    /// <summary>Writes the headers of the surface that was asked.</summary>
    public static void Write(HttpContext context, RateLimitState limits) =>
        Write(context.Response.Headers, limits, ErrorWriter.IsOpenAi(context.Request) ? Protocols.OpenAi : Protocols.Native);

    /// <summary>Writes the headers of a surface: OpenAI's surface has OpenAI's headers in addition to ours.</summary>
    public static void Write(IHeaderDictionary headers, RateLimitState limits, string protocol)
    {
        Write(headers, limits);
        if (protocol == Protocols.OpenAi)
        {
            WriteOpenAi(headers, limits);
        }
    }

    public static void Write(IHeaderDictionary headers, RateLimitState limits)
    {
        if (limits.Limit > 0)
        {
            Write(headers, "X-Scaigrid-Ratelimit-Limit", limits.Limit, "X-Scaigrid-Ratelimit-Remaining", limits.Remaining, "X-Scaigrid-Ratelimit-Reset", Text(limits.Reset));
        }
        else if (limits.TokenLimit > 0)
        {
            Write(headers, "X-Scaigrid-Ratelimit-Limit", limits.TokenLimit, "X-Scaigrid-Ratelimit-Remaining", limits.TokenRemaining, "X-Scaigrid-Ratelimit-Reset", Text(limits.TokenReset));
        }
    }

    /// <summary>Writes OpenAI's headers, whose reset is a duration instead of a time.</summary>
    private static void WriteOpenAi(IHeaderDictionary headers, RateLimitState limits)
    {
        if (limits.Limit > 0)
        {
            Write(headers, "x-ratelimit-limit-requests", limits.Limit, "x-ratelimit-remaining-requests", limits.Remaining, "x-ratelimit-reset-requests", Left(limits.Reset, limits.Now));
        }

        if (limits.TokenLimit > 0)
        {
            Write(headers, "x-ratelimit-limit-tokens", limits.TokenLimit, "x-ratelimit-remaining-tokens", limits.TokenRemaining, "x-ratelimit-reset-tokens", Left(limits.TokenReset, limits.Now));
        }
    }

    private static void Write(IHeaderDictionary headers, string limitName, long limit, string remainingName, long remaining, string resetName, string reset)
    {
        headers[limitName] = Text(limit);
        headers[remainingName] = Text(remaining);
        headers[resetName] = reset;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Left(long reset, long now) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(reset - now, 0)}s");
}
