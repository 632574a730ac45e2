using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using MySqlConnector;

namespace ScaiGrid.Core.Data;

/// <summary>A database address, parsed into an ADO.NET connection string.</summary>
/// <param name="Kind">The database product.</param>
/// <param name="ConnectionString">ADO.NET connection string; holds the password, never logged.</param>
public sealed partial record DatabaseAddress(DatabaseKind Kind, string ConnectionString)
{
    /// <summary>Reads <c>mysql://</c> and <c>sqlite://</c> URLs and plain ADO.NET connection strings (what Aspire injects).</summary>
    public static bool TryParse(DatabaseOptions options, [NotNullWhen(true)] out DatabaseAddress? address, [NotNullWhen(false)] out string? mistake)
    {
        var url = options.Url ?? "";
        (address, mistake) = (null, null);
        try
        {
            if (SqliteUrl().Match(url) is { Success: true } sqlite)
            {
                address = ForSqlite($"Data Source={Uri.UnescapeDataString(sqlite.Groups["path"].Value)}", options);
            }
            else if (MySqlUrl().Match(url) is { Success: true } mysql)
            {
                address = ForMariaDb(FromUrl(mysql), options);
            }
            else if (url.Contains("Server=", StringComparison.OrdinalIgnoreCase) || url.Contains("Host=", StringComparison.OrdinalIgnoreCase))
            {
                address = ForMariaDb(new MySqlConnectionStringBuilder(url), options);
            }
            else if (url.StartsWith("Data Source=", StringComparison.OrdinalIgnoreCase))
            {
                address = ForSqlite(url, options);
            }
            else
            {
                mistake = "must begin with mysql:// or sqlite:///, or be an ADO.NET connection string.";
            }
        }
        catch (ArgumentException exception)
        {
            // The builder's message names the option, but not its value.
            mistake = exception.Message;
        }

        return address is not null;
    }

    /// <summary>The same database, with connections that are not shared with other code of this process.</summary>
    /// <param name="name">The name of these connections on the server.</param>
    /// <param name="connections">Their maximum number.</param>
    public DatabaseAddress WithOwnPool(string name, int connections) => Kind == DatabaseKind.Sqlite ? this : this with
    {
        ConnectionString = new MySqlConnectionStringBuilder(ConnectionString)
        {
            ApplicationName = name,
            MinimumPoolSize = 0,
            MaximumPoolSize = (uint)connections,
        }.ConnectionString,
    };

    private static MySqlConnectionStringBuilder FromUrl(Match match)
    {
        var builder = new MySqlConnectionStringBuilder
        {
            Server = match.Groups["hosts"].Value,
            Port = match.Groups["port"].Success ? uint.Parse(match.Groups["port"].Value, CultureInfo.InvariantCulture) : 3306,
            UserID = Uri.UnescapeDataString(match.Groups["user"].Value),
            Password = Uri.UnescapeDataString(match.Groups["password"].Value),
            Database = Uri.UnescapeDataString(match.Groups["database"].Value),
        };
        foreach (var pair in match.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            builder[Uri.UnescapeDataString(parts[0])] = parts.Length == 2 ? Uri.UnescapeDataString(parts[1]) : "";
        }

        return builder;
    }

    private static DatabaseAddress ForMariaDb(MySqlConnectionStringBuilder builder, DatabaseOptions options)
    {
        // All connections go to the first host that answers: concurrent writers on several Galera nodes would cause certification failures.
        builder.LoadBalance = MySqlLoadBalance.FailOver;
        builder.MaximumPoolSize = (uint)options.PoolSize;
        builder.ConnectionTimeout = (uint)options.Timeout.TotalSeconds;
        builder.DefaultCommandTimeout = (uint)options.Timeout.TotalSeconds;
        builder.CharacterSet = "utf8mb4";

        // The driver must report matched rows: with affected rows, an UPDATE that changes nothing would look like a missing row.
        builder.UseAffectedRows = false;

        // FluentMigrator and Quartz use session variables and literals that need this.
        builder.AllowUserVariables = true;
        return new DatabaseAddress(DatabaseKind.MariaDb, builder.ConnectionString);
    }

    private static DatabaseAddress ForSqlite(string connectionString, DatabaseOptions options) => new(
        DatabaseKind.Sqlite,
        string.Create(CultureInfo.InvariantCulture, $"{connectionString};Default Timeout={(int)options.Timeout.TotalSeconds};Foreign Keys=True"));

    // Uri cannot parse a list of hosts.
    [GeneratedRegex(@"^(?:mysql|mariadb)://(?<user>[^:@/]+)(?::(?<password>[^@/]*))?@(?<hosts>[^:/?]+)(?::(?<port>\d{1,5}))?/(?<database>[^/?]+)(?:\?(?<query>.*))?$")]
    private static partial Regex MySqlUrl();

    [GeneratedRegex(@"^sqlite://(?<path>/[^?]+)$")]
    private static partial Regex SqliteUrl();
}
