using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Providers and backends: references, validation and deletion.</summary>
public sealed class ProviderTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task ProviderWithBackends_CannotBeDeleted()
    {
        var provider = await CreateProviderAsync();
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m" })).Created()["id"]!;
        (await Admin.DeleteAsync($"/v1/providers/{provider}")).Error(409, "PROVIDER_HAS_BACKENDS");
        (await Admin.DeleteAsync($"/v1/backends/{backend}")).NoContent();
        (await Admin.DeleteAsync($"/v1/providers/{provider}")).NoContent();
        (await Admin.GetAsync($"/v1/providers/{provider}")).Error(404, "PROVIDER_NOT_FOUND");
    }

    [Fact]
    public async Task TakenName_IsAConflict()
    {
        var name = Fresh.Name();
        (await Admin.PostAsync("/v1/providers", new { name, type = "openai" })).Created();
        (await Admin.PostAsync("/v1/providers", new { name, type = "openai" })).Error(409, "CONFLICT");
    }

    [Fact]
    public async Task Lists_ArePagedNewestFirst()
    {
        var provider = await CreateProviderAsync();
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m" })).Created()["id"]!;
        foreach (var (path, id) in new[] { ("/v1/providers?", provider), ("/v1/backends?", backend) })
        {
            var ids = await Admin.IdsAsync(path, limit: 7);
            Assert.Single(ids, id);
            Assert.Equal(ids.OrderDescending(StringComparer.Ordinal).Distinct(), ids);
            (await Admin.GetAsync($"{path}cursor=x")).Invalid("cursor");
        }
    }

    [Theory]
    [InlineData("""{"type":"custom","config":{"base_url":"http://127.0.0.1/v1"}}""", "name")]
    [InlineData("""{"name":"x","type":"telepathy"}""", "type")]
    [InlineData("""{"name":"x","type":"custom"}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"custom","config":{"base_url":"file:///etc/passwd"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"custom","config":{"base_url":"http://user:password@host/v1"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"custom","config":{"base_url":"http://169.254.169.254/latest/meta-data"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"custom","config":{"base_url":"http://2852039166/"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"anthropic","config":{"base_url":"http://[::ffff:169.254.169.254]/"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"azure","config":{"base_url":"https://[fe80::1]/"}}""", "config.base_url")]
    [InlineData("""{"name":"x","type":"qwen","config":{"api_url":"http://0.0.0.0/"}}""", "config.api_url")]
    [InlineData("""{"name":"x","type":"openai","config":{"api_key":"zwölf zeichen"}}""", "config.api_key")]
    [InlineData("""{"name":"x","type":"openai","config":{"api_key":"•••• 1234"}}""", "config.api_key")]
    [InlineData("""{"name":"x","type":"openai","config":{"api_key":" "}}""", "config.api_key")]
    [InlineData("""{"name":"x","type":"openai","config":{"headers":{"X-Key":"  "}}}""", "config.headers.X-Key")]
    [InlineData("""{"name":"x","type":"openai","config":{"headers":{"bad name":"v"}}}""", "config.headers.bad name")]
    [InlineData("""{"name":"x","type":"openai","config":{"apikey":"k"}}""", "config.apikey")]
    [InlineData("""{"name":"x","type":"google","config":{"ca_certificate":7}}""", "config.ca_certificate")]
    [InlineData("""{"name":"x","type":"google","config":{"ca_certificate":"/etc/ssl/ca.pem"}}""", "config.ca_certificate")]
    [InlineData("""{"name":"x","type":"google","config":{"ca_certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}}""", "config.ca_certificate")]
    public async Task WrongProvider_IsNamed(string body, string field)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, "/v1/providers", body);
        answer.Error(422, "VALIDATION_ERROR");
        Assert.Contains($"\"field\":\"{field}\"", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("password@", answer.Text, StringComparison.Ordinal);
    }

    /// <summary>The authority replaces the system's for this provider, from the next call on.</summary>
    [Fact]
    public async Task AuthorityOfAProvider_VerifiesItsUpstream_WithoutARestart()
    {
        using var certificate = new TestCertificate();
        using var other = new TestCertificate();
        await using var upstream = new RawUpstream(certificate);
        var provider = (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = upstream.BaseUrl } })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m" })).Created()["id"]!;
        var model = (await Admin.PostAsync("/v1/models", new { slug = $"test/{Fresh.Name()}", modality = "chat" })).Created();
        (await Admin.PutAsync($"/v1/models/{(string)model["id"]!}/routing", new { targets = new[] { new { backend_id = backend } } })).Ok();
        var slug = (string)model["slug"]!;

        (await Admin.ChatAsync(slug)).Error(503, "MODEL_UNAVAILABLE");
        await TrustAsync(certificate.Pem);
        (await Admin.ChatAsync(slug)).Ok();
        await TrustAsync(other.Pem);
        (await Admin.ChatAsync(slug)).Error(503, "MODEL_UNAVAILABLE");
        await TrustAsync($"# The old one, and the new one.\n{other.Pem}\n{certificate.Pem}");
        (await Admin.ChatAsync(slug)).Ok();
        var answer = await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = upstream.BaseUrl, ca_certificate = certificate.Pem + other.KeyPem } });
        answer.Invalid("config.ca_certificate");
        Assert.DoesNotContain("BEGIN", answer.Text, StringComparison.Ordinal);

        async Task TrustAsync(string pem)
        {
            var config = (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = upstream.BaseUrl, ca_certificate = pem } })).Ok()["config"]!;
            Assert.Equal(pem, (string?)config["ca_certificate"]);
        }
    }

    [Fact]
    public async Task WrongBackend_IsNamed()
    {
        var provider = await CreateProviderAsync();
        (await Admin.PostAsync("/v1/backends", new { })).Invalid("model", "provider_id");
        (await Admin.PostAsync("/v1/backends", new { provider_id = "prov_01ARZ3NDEKTSV4RRFFQ69G5FAV", model = "m" })).Invalid("provider_id");
        (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", status = "asleep", input_price_per_mtok = "-1" })).Invalid("status", "input_price_per_mtok");
        (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { speed = 1 } })).Invalid("connection_config.speed");
        (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { base_url = "http://169.254.169.254/" } })).Invalid("connection_config.base_url");
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = "http://169.254.169.254/" } })).Invalid("config.base_url");
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = Grid.Upstream.BaseUrl, api_key = " " } })).Invalid("config.api_key");
        (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_key = " " } })).Invalid("connection_config.api_key");
    }

    [Fact]
    public async Task BackendUpdate_KeepsWhatIsAbsentAndItsProvider()
    {
        var provider = await CreateProviderAsync();
        var made = (await Admin.PostAsync(
            "/v1/backends",
            new { provider_id = provider, model = "m", name = "n", capabilities = new[] { "chat" }, input_price_per_mtok = "1", output_price_per_mtok = "2", status = "disabled" })).Created().AsObject();
        var path = $"/v1/backends/{(string)made["id"]!}";
        var changed = (await Admin.PutAsync(path, new { model = "m2" })).Ok().AsObject();
        made["model"] = "m2";
        made["uri"] = "custom:m2";
        made["updated_at"] = changed["updated_at"]!.DeepClone();
        Assert.Equal(made.ToJsonString(), changed.ToJsonString());
        Assert.Equal("unavailable", (string?)(await Admin.GetAsync($"{path}/health")).Ok()["status"]);
        (await Admin.PutAsync(path, new { provider_id = await CreateProviderAsync() })).Invalid("provider_id");
    }

    [Fact]
    public async Task UnknownOnes_Are404()
    {
        const string Id = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        (await Admin.GetAsync($"/v1/providers/prov_{Id}")).Error(404, "PROVIDER_NOT_FOUND");
        (await Admin.PutAsync($"/v1/providers/prov_{Id}", new { name = "x" })).Error(404, "PROVIDER_NOT_FOUND");
        (await Admin.DeleteAsync($"/v1/providers/prov_{Id}")).Error(404, "PROVIDER_NOT_FOUND");
        (await Admin.GetAsync($"/v1/backends/be_{Id}")).Error(404, "BACKEND_NOT_FOUND");
        (await Admin.GetAsync($"/v1/backends/be_{Id}/health")).Error(404, "BACKEND_NOT_FOUND");
        (await Admin.PutAsync($"/v1/backends/be_{Id}", new { name = "x" })).Error(404, "BACKEND_NOT_FOUND");
        (await Admin.DeleteAsync($"/v1/backends/be_{Id}")).Error(404, "BACKEND_NOT_FOUND");
    }

    private async Task<string> CreateProviderAsync() =>
        (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = Grid.Upstream.BaseUrl } })).Created()["id"]!;
}
