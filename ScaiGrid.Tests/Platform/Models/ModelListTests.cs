using System.Buffers.Text;
using System.Text;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

public sealed class ModelListTests(Grid grid) : GridTest(grid)
{
    // No other test has models of this kind, so that the list is short.
    private const string Rare = "/v1/models?modality=audio&status=deprecated";

    [Fact]
    public async Task FilteredPages_CoverAllOnceNewestFirst()
    {
        var made = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            made.Add((string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), modality = "audio", status = "deprecated" })).Created()["id"]!);
        }

        made.Sort((left, right) => string.CompareOrdinal(right, left));
        (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), modality = "audio" })).Created();
        Assert.Equal(made, await Admin.IdsAsync(Rare, limit: 2));
        Assert.Equal(made, await Admin.IdsAsync(Rare, limit: 5));
        var active = (await Admin.GetAsync("/v1/models?modality=audio&status=active")).Ok()["items"]!.AsArray();
        Assert.All(active, item => Assert.Equal(("audio", "active"), ((string?)item!["modality"], (string?)item["status"])));
        Assert.NotEmpty(active);
    }

    [Fact]
    public async Task DefaultPage_Has50()
    {
        for (var i = 0; i < 51; i++)
        {
            (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), modality = "image" })).Created();
        }

        var page = (await Admin.GetAsync("/v1/models?modality=image")).Body();
        Assert.Equal(50, page["data"]!["items"]!.AsArray().Count);
        Assert.True((bool)page["pagination"]!["has_more"]!);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("modality=video", "modality")]
    [InlineData("status=gone", "status")]
    [InlineData("cursor=x", "cursor")]
    [InlineData("cursor=%00", "cursor")]
    public async Task BadQuery_IsNamed(string query, string field) => (await Admin.GetAsync($"/v1/models?{query}")).Invalid(field);

    [Fact]
    public async Task CursorOfAnotherList_IsRefused() =>
        (await Admin.GetAsync($"/v1/models?cursor={Base64Url.EncodeToString(Encoding.ASCII.GetBytes("be_01ARZ3NDEKTSV4RRFFQ69G5FAV"))}")).Invalid("cursor");

    [Fact]
    public async Task OpenAiList_HasItsShape()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { context_window = 4000, max_output_tokens = 100 });
        var list = (await Admin.GetAsync("/oai/v1/models")).Body();
        Assert.Equal("list", (string?)list["object"]);
        var slugs = list["data"]!.AsArray().Select(model => (string)model!["id"]!).ToList();
        Assert.Contains("scailabs/echo", slugs);
        Assert.Equal(slugs.Order(StringComparer.Ordinal), slugs);
        var listed = Assert.Single(list["data"]!.AsArray(), model => (string?)model!["id"] == slug)!;
        Assert.Equal("model", (string?)listed["object"]);
        Assert.Equal("test", (string?)listed["owned_by"]);
        Assert.Equal(4000, (int)listed["context_window"]!);
        Assert.Equal(100, (int)listed["max_output_tokens"]!);
        Assert.True((long)listed["created"]! > 1_700_000_000);
        Assert.Equal(listed.ToJsonString(), (await Admin.GetAsync($"/oai/v1/models/{slug}")).Body().ToJsonString());
    }

    /// <summary>Spec 04: OpenAI's surface requires only <c>models:use</c>, and its clients list the models first.</summary>
    [Fact]
    public async Task OpenAiList_IsForWhoeverMayUseModels()
    {
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "chat", scopes = new[] { Permissions.UseModels } })).Created();
        using var chat = Admin.As((string)made["key"]!);
        Assert.Contains("scailabs/echo", (await chat.GetAsync("/oai/v1/models")).Body()["data"]!.AsArray().Select(model => (string?)model!["id"]));
        (await chat.GetAsync("/oai/v1/models/scailabs/echo")).Body();
        (await chat.GetAsync("/v1/models")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task OpenAiUnknownModel_Is404InItsShape() => (await Admin.GetAsync("/oai/v1/models/no/such")).OpenAiError(404, "model_not_found");
}
