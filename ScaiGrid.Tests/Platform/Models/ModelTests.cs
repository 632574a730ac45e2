using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

public sealed class ModelTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task FourCallsOfTheReadme_ConnectAnUpstream()
    {
        var (name, slug) = (Fresh.Name(), Fresh.Slug());
        Grid.Upstream.Play(name, new UpstreamScript { Chunks = ["pong"] });
        var provider = (await Admin.PostAsync("/v1/providers", new { name, type = "custom", config = new { base_url = Grid.Upstream.BaseUrl, api_key = "secret" } })).Created();
        var providerId = (string)provider["id"]!;
        Assert.StartsWith("prov_", providerId, StringComparison.Ordinal);

        var backend = (await Admin.PostAsync(
            "/v1/backends",
            new { name = "llama", provider_id = providerId, model = name, capabilities = new[] { "chat" }, input_price_per_mtok = "0.10", output_price_per_mtok = "0.40" })).Created();
        var backendId = (string)backend["id"]!;
        Assert.StartsWith("be_", backendId, StringComparison.Ordinal);
        Assert.Equal($"custom:{name}", (string?)backend["uri"]);
        Assert.Equal("0.1", (string?)backend["input_price_per_mtok"]);
        Assert.Equal("active", (string?)backend["status"]);

        var model = (await Admin.PostAsync(
            "/v1/models",
            new { slug, display_name = "Llama", modality = "chat", input_price_per_mtok = "0.15", output_price_per_mtok = "0.60" })).Created();
        var modelId = (string)model["id"]!;
        Assert.StartsWith("mdl_", modelId, StringComparison.Ordinal);
        Assert.Equal("unavailable", (string?)model["health_status"]);
        (await Admin.ChatAsync(slug)).Error(503, "MODEL_UNAVAILABLE");

        var targets = new[] { new { backend_id = backendId, weight = 1, priority = 0 } };
        var routing = (await Admin.PutAsync($"/v1/models/{modelId}/routing", new { strategy = "weighted", targets })).Ok();
        Assert.Equal($$"""{"model_id":"{{modelId}}","strategy":"weighted","retry":{"max_attempts":3,"on":["bad_answer","connection","rate_limit","server_error","timeout"]},"targets":[{"backend_id":"{{backendId}}","weight":1,"priority":0}]}""", routing.ToJsonString());
        Assert.Equal("pong", (string?)(await Admin.ChatAsync(slug)).Ok()["choices"]![0]!["message"]!["content"]);

        model = (await Admin.GetAsync($"/v1/models/{slug}")).Ok();
        Assert.Equal("healthy", (string?)model["health_status"]);
        Assert.Equal(1, (int)model["active_backend_count"]!);
        Assert.Equal(1, (int)model["total_backend_count"]!);
        Assert.Equal("healthy", (string?)(await Admin.GetAsync($"/v1/backends/{backendId}/health")).Ok()["status"]);
    }

    [Fact]
    public async Task Update_KeepsWhatIsAbsent()
    {
        var slug = Fresh.Slug();
        var made = (await Admin.PostAsync("/v1/models", new
        {
            slug,
            display_name = "Before",
            description = "Ünïcode 😀",
            modality = "chat",
            capabilities = new[] { "chat", "tools" },
            context_window = 8000,
            max_output_tokens = 500,
            input_price_per_mtok = "1.5",
            output_price_per_mtok = "2.5",
            default_params = new { temperature = 0.5 },
            system_prompt_template = "Be kind.",
            status = "deprecated",
            metadata = new { team = "a" },
        })).Created().AsObject();
        var changed = (await Admin.PutAsync($"/v1/models/{(string)made["id"]!}", new { display_name = "After" })).Ok().AsObject();
        Assert.Equal("After", (string?)changed["display_name"]);
        Assert.True((DateTimeOffset)changed["updated_at"]! > (DateTimeOffset)made["updated_at"]!);
        made["display_name"] = "After";
        made["updated_at"] = changed["updated_at"]!.DeepClone();
        Assert.Equal(made.ToJsonString(), changed.ToJsonString());
        Assert.Equal(made.ToJsonString(), (await Admin.GetAsync($"/v1/models/{slug}")).Ok().ToJsonString());
    }

    [Fact]
    public async Task AnotherModality_ChecksTheStoredDefaults()
    {
        var model = (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), default_params = new { n = 11 }, modality = "embedding" })).Created();
        var path = $"/v1/models/{(string)model["id"]!}";
        (await Admin.PutAsync(path, new { modality = "image" })).Invalid("default_params.n");
        Assert.Equal("embedding", (string?)(await Admin.GetAsync(path)).Ok()["modality"]);
        (await Admin.PutAsync(path, new { modality = "image", default_params = new { n = 1 } })).Ok();
    }

    [Fact]
    public async Task Null_ClearsLimitsAndTemplate()
    {
        var made = (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), context_window = 8000, max_output_tokens = 500, system_prompt_template = "Be kind." })).Created();
        var cleared = (await Admin.SendAsync(
            HttpMethod.Put, $"/v1/models/{(string)made["id"]!}", """{"context_window":null,"max_output_tokens":null,"system_prompt_template":null}""")).Ok().AsObject();
        Assert.Null(cleared["context_window"]);
        Assert.Null(cleared["max_output_tokens"]);
        Assert.Null(cleared["system_prompt_template"]);
    }

    [Fact]
    public async Task UpdatedPrice_CountsFromTheNextCall()
    {
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 1_000_000, CompletionTokens = 0 }, inputPrice: "1");
        (await Admin.ChatAsync(slug)).Ok();
        var id = (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
        (await Admin.PutAsync($"/v1/models/{id}", new { input_price_per_mtok = "3" })).Ok();
        (await Admin.ChatAsync(slug)).Ok();
        Assert.Equal(["3", "1"], (await Admin.UsageAsync(slug, 2)).Select(row => (string?)row["cost"]));
    }

    [Fact]
    public async Task MappedModel_CannotBeDeleted()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        var id = (string)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"]!;
        (await Admin.DeleteAsync($"/v1/models/{id}")).Error(409, "CONFLICT");
        (await Admin.PutAsync($"/v1/models/{id}/routing", new { targets = Array.Empty<object>() })).Ok();
        (await Admin.DeleteAsync($"/v1/models/{id}")).NoContent();
        (await Admin.GetAsync($"/v1/models/{slug}")).Error(404, "MODEL_NOT_FOUND");
        (await Admin.ChatAsync(slug)).Error(404, "MODEL_NOT_FOUND");
    }

    [Fact]
    public async Task UnknownModel_Is404()
    {
        const string Path = "/v1/models/mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        (await Admin.GetAsync(Path)).Error(404, "MODEL_NOT_FOUND");
        (await Admin.PutAsync(Path, new { display_name = "x" })).Error(404, "MODEL_NOT_FOUND");
        (await Admin.DeleteAsync(Path)).Error(404, "MODEL_NOT_FOUND");
        (await Admin.GetAsync($"{Path}/routing")).Error(404, "MODEL_NOT_FOUND");
        (await Admin.PutAsync($"{Path}/routing", new { targets = Array.Empty<object>() })).Error(404, "MODEL_NOT_FOUND");
    }

    [Theory]
    [InlineData("modality", "\"video\"", "modality")]
    [InlineData("status", "\"gone\"", "status")]
    [InlineData("context_window", "0", "context_window")]
    [InlineData("max_output_tokens", "-1", "max_output_tokens")]
    [InlineData("context_window", "\"8000\"", "context_window")]
    [InlineData("capabilities", "[\"\"]", "capabilities[0]")]
    [InlineData("capabilities", "\"chat\"", "capabilities")]
    [InlineData("default_params", "{\"stream\":true}", "default_params.stream")]
    [InlineData("default_params", "{\"top_k\":7,\"temperature\":9}", "default_params.temperature")]
    [InlineData("default_params", "{\"max_tokens\":\"many\"}", "default_params.max_tokens")]
    [InlineData("default_params", "[]", "default_params")]
    public async Task WrongField_IsNamed(string name, string value, string field)
    {
        var body = new JsonObject { ["slug"] = Fresh.Slug(), [name] = JsonNode.Parse(value) };
        (await Admin.SendAsync(HttpMethod.Post, "/v1/models", body.ToJsonString())).Invalid(field);
        var echo = (string)(await Admin.GetAsync("/v1/models/scailabs/echo")).Ok()["id"]!;
        (await Admin.SendAsync(HttpMethod.Put, $"/v1/models/{echo}", new JsonObject { [name] = JsonNode.Parse(value) }.ToJsonString())).Invalid(field);
    }

    [Fact]
    public async Task DefaultOfAPicturesField_IsChecked() =>
        (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), modality = "image", default_params = new { n = 11, hd = true } })).Invalid("default_params.n");

    [Fact]
    public async Task OutputBeyondTheWindow_IsRefused() =>
        (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), context_window = 100, max_output_tokens = 101 })).Invalid("max_output_tokens");
}
