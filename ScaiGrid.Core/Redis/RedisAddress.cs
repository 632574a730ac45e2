using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Turns a Redis URL, or the configuration string that Aspire injects, into the client's options.</summary>
internal static partial class RedisAddress
{
    public static bool TryParse(RedisOptions options, [NotNullWhen(true)] out ConfigurationOptions? configuration)
    {
        configuration = null;
        var url = options.Url ?? "";
        if (Url().Match(url) is { Success: true } match)
        {
            configuration = FromUrl(match);
        }
        else if (!url.Contains("://", StringComparison.Ordinal))
        {
            try
            {
                configuration = ConfigurationOptions.Parse(url);
            }
            catch (ArgumentException)
            {
                return false;
            }
        }

        if (configuration is null)
        {
            return false;
        }

        configuration.AbortOnConnectFail = false;
        configuration.ConnectTimeout = configuration.AsyncTimeout = configuration.SyncTimeout = (int)options.Timeout.TotalMilliseconds;

        // Calls fail at once while Redis is unavailable, instead of waiting in a backlog.
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        configuration.ReconnectRetryPolicy = new LinearRetry(500);
        configuration.ClientName = "scaigrid";

        // All supported servers speak RESP2: Sentinel, cluster nodes, the embedded one.
        configuration.Protocol = RedisProtocol.Resp2;
        return true;
    }

    private static ConfigurationOptions? FromUrl(Match match)
    {
        var scheme = match.Groups["scheme"].Value;
        var path = match.Groups["path"].Value;
        var options = new ConfigurationOptions { Ssl = scheme == "rediss" };
        foreach (var host in match.Groups["hosts"].Value.Split(','))
        {
            options.EndPoints.Add(host.Contains(':', StringComparison.Ordinal) ? host : host + (scheme == "redis+sentinel" ? ":26379" : ":6379"));
        }

        if (match.Groups["user"].Value is { Length: > 0 } user)
        {
            options.User = Uri.UnescapeDataString(user);
        }

        if (match.Groups["password"].Value is { Length: > 0 } password)
        {
            options.Password = Uri.UnescapeDataString(password);
        }

        switch (scheme)
        {
            case "redis+sentinel":
                options.ServiceName = path;
                return path.Length == 0 ? null : options;
            case "redis+cluster":
                return options;
            default:
                if (path.Length > 0)
                {
                    if (!int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out var database))
                    {
                        return null;
                    }

                    options.DefaultDatabase = database;
                }

                return options;
        }
    }

    [GeneratedRegex(@"^(?<scheme>redis|rediss|redis\+sentinel|redis\+cluster)://(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?@]+)(?:/(?<path>[^/?]*))?$")]
    private static partial Regex Url();
}
