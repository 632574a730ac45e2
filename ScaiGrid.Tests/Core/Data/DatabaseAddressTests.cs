using MySqlConnector;
using ScaiGrid.Core.Data;
using Xunit;

namespace ScaiGrid.Tests.Core.Data;

public sealed class DatabaseAddressTests
{
    [Fact]
    public void MySqlUrl_IsReadWhole()
    {
        var mariaDb = MariaDb("mysql://grid%40x:p%2F%3A%40ss@db1,db2,db3:3307/scai%20grid?SslMode=Required&ApplicationName=a%26b");

        Assert.Equal(("db1,db2,db3", 3307u), (mariaDb.Server, mariaDb.Port));
        Assert.Equal(("grid@x", "p/:@ss", "scai grid"), (mariaDb.UserID, mariaDb.Password, mariaDb.Database));
        Assert.Equal((MySqlSslMode.Required, "a&b"), (mariaDb.SslMode, mariaDb.ApplicationName));
    }

    [Theory]
    [InlineData("mysql://grid@db/scaigrid")]
    [InlineData("mariadb://grid:@db/scaigrid")]
    public void PortAndPassword_MayBeLeftOut(string url)
    {
        var mariaDb = MariaDb(url);

        Assert.Equal(("db", 3306u, "grid", ""), (mariaDb.Server, mariaDb.Port, mariaDb.UserID, mariaDb.Password));
    }

    /// <summary>These options are always set, even over values in the address, because the code relies on them.</summary>
    [Theory]
    [InlineData("mysql://grid:x@db1,db2/scaigrid?LoadBalance=RoundRobin&CharacterSet=latin1&UseAffectedRows=true")]
    [InlineData("Server=db1,db2;User ID=grid;Password=x;Database=scaigrid;LoadBalance=RoundRobin")]
    [InlineData("host=db1,db2;user=grid;pwd=x;database=scaigrid")]
    public void OneWriter_AndOneMeaningOfText(string url)
    {
        var mariaDb = MariaDb(url);

        Assert.Equal(("db1,db2", "grid", "x", "scaigrid"), (mariaDb.Server, mariaDb.UserID, mariaDb.Password, mariaDb.Database));
        Assert.Equal((MySqlLoadBalance.FailOver, "utf8mb4", false), (mariaDb.LoadBalance, mariaDb.CharacterSet, mariaDb.UseAffectedRows));
        Assert.Equal((7u, 4u, 4u), (mariaDb.MaximumPoolSize, mariaDb.ConnectionTimeout, mariaDb.DefaultCommandTimeout));
    }

    [Theory]
    [InlineData("sqlite:///var/lib/scaigrid/grid.db", "Data Source=/var/lib/scaigrid/grid.db;Default Timeout=4;Foreign Keys=True")]
    [InlineData("sqlite:///tmp/a%20b/grid.db", "Data Source=/tmp/a b/grid.db;Default Timeout=4;Foreign Keys=True")]
    [InlineData("Data Source=/tmp/grid.db", "Data Source=/tmp/grid.db;Default Timeout=4;Foreign Keys=True")]
    public void Sqlite_IsRead(string url, string expected)
    {
        Assert.True(DatabaseAddress.TryParse(Options(url), out var address, out _));
        Assert.Equal((DatabaseKind.Sqlite, expected), (address.Kind, address.ConnectionString));
    }

    [Theory]
    [InlineData("postgres://grid:s3cret@db/scaigrid")]
    [InlineData("mysql://db/scaigrid")] // no user
    [InlineData("mysql://grid:s3cret@db")] // no database
    [InlineData("mysql://grid:s3cret@db:port/scaigrid")]
    [InlineData("sqlite://grid.db")] // not absolute
    [InlineData("mysql://grid:s3cret@db/scaigrid?NoSuchOption=s3cret")]
    [InlineData("Server=db;NoSuchOption=s3cret")]
    public void OtherAddresses_AreMistakes_ThatTellNoSecret(string url)
    {
        Assert.False(DatabaseAddress.TryParse(Options(url), out var address, out var mistake));
        Assert.Null(address);
        Assert.DoesNotContain("s3cret", mistake, StringComparison.Ordinal);
    }

    private static MySqlConnectionStringBuilder MariaDb(string url)
    {
        Assert.True(DatabaseAddress.TryParse(Options(url), out var address, out var mistake), mistake);
        Assert.Equal(DatabaseKind.MariaDb, address.Kind);
        return new MySqlConnectionStringBuilder(address.ConnectionString);
    }

    private static DatabaseOptions Options(string url) => new() { Url = url, PoolSize = 7, Timeout = TimeSpan.FromSeconds(4) };
}
