using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Prices are decimal strings, exact to the nano-unit.</summary>
public sealed class PriceTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("2.50", "2.5")]
    [InlineData("0.000000001", "0.000000001")]
    [InlineData("123456.123456789", "123456.123456789")]
    [InlineData("1000000", "1000000")]
    public async Task Price_ComesBackExact(string sent, string shown)
    {
        var model = (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), input_price_per_mtok = sent, output_price_per_mtok = sent })).Created();
        Assert.Equal(shown, (string?)model["input_price_per_mtok"]);
        Assert.Equal(shown, (string?)model["output_price_per_mtok"]);
    }

    [Fact]
    public async Task EachPrice_MakesAVersion()
    {
        var path = $"/v1/models/{(string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["id"]!}";
        string[] prices = ["input_price_per_mtok", "output_price_per_mtok", "cached_input_price_per_mtok", "image_price", "audio_price_per_minute"];
        for (var i = 0; i < prices.Length; i++)
        {
            // The second, identical change creates no version.
            for (var again = 0; again < 2; again++)
            {
                var model = (await Admin.PutAsync(path, new Dictionary<string, string> { [prices[i]] = "3" })).Ok();
                Assert.Equal(i + 2, (int)model["price_version"]!);
            }
        }
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"free\"")]
    [InlineData("\"-1\"")]
    [InlineData("\"1e3\"")]
    [InlineData("\"1,5\"")]
    [InlineData("\" 1\"")]
    [InlineData("\"NaN\"")]
    [InlineData("\"0.0000000001\"")]
    [InlineData("\"1000000.000000001\"")]
    [InlineData("\"99999999999999999999999999999999999999\"")]
    [InlineData("2.5")]
    public async Task BadPrice_IsNamed(string price)
    {
        (await Admin.SendAsync(HttpMethod.Post, "/v1/models", $$"""{"slug":"{{Fresh.Slug()}}","input_price_per_mtok":{{price}}}""")).Invalid("input_price_per_mtok");
        (await Admin.SendAsync(HttpMethod.Post, "/v1/models", $$"""{"slug":"{{Fresh.Slug()}}","output_price_per_mtok":{{price}}}""")).Invalid("output_price_per_mtok");
    }
}
