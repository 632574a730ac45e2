using System.Globalization;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>The headers that tell a caller how near its rate limits are.</summary>
public static class RateLimitHeaders
{
    /// <summary>Those of a surface: on OpenAI's are its own beside ours.</summary>
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

    /// <summary>As OpenAI names them; the reset is the time until then.</summary>
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
