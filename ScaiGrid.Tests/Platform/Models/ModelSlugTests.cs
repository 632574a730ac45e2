using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Which slugs are allowed, and how a model is found by its slug.</summary>
public sealed class ModelSlugTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData("a b")]
    [InlineData("-a")]
    [InlineData("a/.b")]
    [InlineData("..")]
    [InlineData("modèle")]
    [InlineData("a\n")]
    [InlineData("a%2Fb")]
    [InlineData("mdl_abc")]
    [InlineData("a/routing")]
    [InlineData("a/avatar")]
    [InlineData("tenant/default")]
    [InlineData("partner/internal")]
    [InlineData("tenant/nobody/a")]
    [InlineData("partner/nobody/a")]
    public async Task BadSlug_IsRefused(string slug) => (await Admin.PostAsync("/v1/models", new { slug })).Invalid("slug");

    [Fact]
    public async Task MissingOrLongSlug_IsRefused()
    {
        (await Admin.PostAsync("/v1/models", new { display_name = "x" })).Invalid("slug");
        (await Admin.PostAsync("/v1/models", new { slug = new string('a', 201) })).Invalid("slug");
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("vendor/{0}")]
    [InlineData("a/b/c/{0}:free")]
    [InlineData("Vendor.X_y-z/{0}")]
    [InlineData("tenant/default/{0}")]
    [InlineData("partner/internal/{0}")]
    public async Task GoodSlug_IsFoundPlainEncodedAndById(string form)
    {
        var slug = form.Replace("{0}", Fresh.Name(), StringComparison.Ordinal);
        var id = (string)(await Admin.PostAsync("/v1/models", new { slug })).Created()["id"]!;
        foreach (var reference in new[] { slug, slug.Replace("/", "%2F", StringComparison.Ordinal), slug.Replace("/", "%2f", StringComparison.Ordinal), id })
        {
            var model = (await Admin.GetAsync($"/v1/models/{reference}")).Ok();
            Assert.Equal(id, (string?)model["id"]);
            Assert.Equal(slug, (string?)model["slug"]);
            Assert.Equal(slug, (string?)model["display_name"]);
        }

        Assert.Equal(slug, (string?)(await Admin.GetAsync($"/oai/v1/models/{Uri.EscapeDataString(slug)}")).Body()["id"]);
    }

    [Fact]
    public async Task EncodedSlug_WorksInEveryRoute()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var reference = Uri.EscapeDataString(slug);
        Assert.Single((await Admin.GetAsync($"/v1/models/{reference}/routing")).Ok()["targets"]!.AsArray());
        Assert.Equal("Renamed", (string?)(await Admin.PutAsync($"/v1/models/{reference}", new { display_name = "Renamed" })).Ok()["display_name"]);
        (await Admin.PutAsync($"/v1/models/{reference}/routing", new { targets = Array.Empty<object>() })).Ok();
        (await Admin.DeleteAsync($"/v1/models/{reference}")).NoContent();
    }

    [Fact]
    public async Task TakenSlug_IsAConflict()
    {
        var slug = Fresh.Slug();
        (await Admin.PostAsync("/v1/models", new { slug })).Created();
        (await Admin.PostAsync("/v1/models", new { slug })).Error(409, "SLUG_CONFLICT");

        // Slugs are compared byte by byte, on every database.
        (await Admin.PostAsync("/v1/models", new { slug = slug.ToUpperInvariant() })).Created();
    }

    [Fact]
    public async Task Slug_NeverChanges()
    {
        var slug = Fresh.Slug();
        var id = (string)(await Admin.PostAsync("/v1/models", new { slug })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{id}", new { slug = Fresh.Slug() })).Invalid("slug");
        (await Admin.PutAsync($"/v1/models/{id}", new { slug })).Ok();
    }
}
