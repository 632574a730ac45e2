using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>The database contains no usable secrets.</summary>
public sealed class StoredSecretTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task UpstreamCredentials_AreSealed()
    {
        const string Key = "sk-sealed-secret-1357";
        var provider = (string)(await Admin.PostAsync(
            "/v1/providers", new { name = Fresh.Name(), type = "openai", config = new { api_key = Key, headers = new Dictionary<string, string> { ["X-Secret"] = "header-secret-2468" } } })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_key = Key } })).Created()["id"]!;
        foreach (var (table, id) in new[] { ("providers", provider), ("backends", backend) })
        {
            var row = await Services.MariaDb.RowAsync($"SELECT * FROM {table} WHERE id = @id", ("id", id));
            Assert.StartsWith("v1:", row["credentials"], StringComparison.Ordinal);
            Assert.DoesNotContain(row.Values, value => value.Contains("secret-", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task SealedValueOfAnotherRow_DoesNotOpen()
    {
        var name = Fresh.Name();
        var config = new { api_key = "sk-moved-secret-1357" };
        var first = (string)(await Admin.PostAsync("/v1/providers", new { name, type = "openai", config })).Created()["id"]!;
        var second = (string)(await Admin.PostAsync("/v1/providers", new { name = $"{name}-2", type = "openai", config })).Created()["id"]!;
        await Services.MariaDb.ExecuteAsync(
            "UPDATE providers AS a JOIN providers AS b ON b.id = @second SET a.credentials = b.credentials WHERE a.id = @first", ("first", first), ("second", second));
        Assert.Equal("••••", (string?)(await Admin.GetAsync($"/v1/providers/{first}")).Ok()["config"]!["api_key"]);
        Assert.Equal("•••• 1357", (string?)(await Admin.GetAsync($"/v1/providers/{second}")).Ok()["config"]!["api_key"]);
    }

    [Fact]
    public async Task ApiKey_IsStoredAsItsHashOnly()
    {
        var (id, key) = await Admin.CreateKeyAsync();
        var row = await Services.MariaDb.RowAsync("SELECT * FROM api_keys WHERE id = @id", ("id", id));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))), row["hash"]);
        Assert.DoesNotContain(row.Values, value => value.Contains(key[4..16], StringComparison.Ordinal));
    }
}
