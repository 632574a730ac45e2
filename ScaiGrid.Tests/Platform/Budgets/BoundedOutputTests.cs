using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Budgets;

/// <summary>The output limit that is sent to the upstream when a blocking budget relies on it.</summary>
public sealed class BoundedOutputTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData(128_000, null, 16_384)]
    [InlineData(1000, null, 250)]
    [InlineData(1000, 1000, 250)]
    [InlineData(1000, 100, 100)]
    public async Task CallWithoutALimit_LeavesRoomForItsPrompt(int window, int? maxOutput, int sent)
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { context_window = window, max_output_tokens = maxOutput });
        (await CallAsync(admin, slug, new JsonObject(), new string('x', 900))).Ok();
        Assert.Equal(sent, (int)SentTo(upstreamModel)["max_tokens"]!);
    }

    [Theory]
    [InlineData("""{"max_tokens":1,"n_predict":100000}""", """{"max_tokens":1,"n_predict":1}""")]
    [InlineData("""{"n_predict":-1}""", """{"n_predict":100,"max_tokens":100}""")]
    [InlineData("""{"n_predict":50}""", """{"n_predict":50,"max_tokens":100}""")]
    [InlineData("""{"max_tokens":5,"n_predict":"100000"}""", """{"max_tokens":5,"n_predict":5}""")]
    [InlineData("""{"max_tokens":5,"Max_Tokens":100000,"maxCompletionTokens":null}""", """{"max_tokens":5,"Max_Tokens":5,"maxCompletionTokens":5}""")]
    [InlineData("""{"max_tokens":5,"max_to\u212aen\u017f":100000}""", """{"max_tokens":5,"max_to\u212aen\u017f":5}""")]
    [InlineData("""{"max_tokens":5,"max_completion_tokens":7,"max_new_tokens":3,"max_length":[9]}""", """{"max_tokens":5,"max_completion_tokens":5,"max_new_tokens":3,"max_length":5}""")]
    [InlineData("""{"max_tokens":5,"auto_max_new_tokens":true}""", """{"max_tokens":5,"auto_max_new_tokens":false}""")]
    [InlineData("""{"max_tokens":5,"n":2,"best_of":4,"n_cmpl":2,"N":3}""", """{"max_tokens":5,"n":2,"best_of":2,"n_cmpl":2,"N":2}""")]
    [InlineData("""{"max_tokens":5,"n_cmpl":4}""", """{"max_tokens":5,"n_cmpl":1}""")]
    public async Task OtherNamesOfTheBounds_SayNoMoreThanIsReserved(string fields, string sent)
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { max_output_tokens = 100 });
        (await CallAsync(admin, slug, JsonNode.Parse(fields)!.AsObject())).Ok();
        AssertSent(sent, upstreamModel);
    }

    /// <summary>Escaped, the names are longer than any known name. Unescaped, they are known.</summary>
    [Fact]
    public async Task NamesThatAreWrittenWithEscapes_AreTheSameFields()
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { max_output_tokens = 100, system_prompt_template = "Be kind." });
        (await admin.Api.SendAsync(
            HttpMethod.Post,
            "/v1/inference/chat",
            $$"""{"\u006d\u006f\u0064\u0065\u006c":"{{slug}}","\u006d\u0065\u0073\u0073ages":[{"role":"user","content":"hi"}],"max_tokens":5,"max_completion_t\u006fkens":1000000}""")).Ok();
        var sent = SentTo(upstreamModel);
        Assert.Equal((upstreamModel, 5, 5), ((string?)sent["model"], (int)sent["max_tokens"]!, (int)sent["max_completion_tokens"]!));
        Assert.Equal(["Be kind.", "hi"], sent["messages"]!.AsArray().Select(message => (string?)message!["content"]));
    }

    [Fact]
    public async Task OtherNamesOfTheBounds_PassWhereNoBudgetReliesOnThem()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        const string Fields = """{"max_tokens":1,"n_predict":100000,"Max_Tokens":7,"best_of":4,"auto_max_new_tokens":true}""";
        (await CallAsync(Admin, slug, JsonNode.Parse(Fields)!.AsObject())).Ok();
        AssertSent(Fields, upstreamModel);
    }

    [Theory]
    [InlineData("""{}""", 100)]
    [InlineData("""{"n_predict":null}""", 100)]
    [InlineData("""{"n_predict":30}""", 30)]
    [InlineData("""{"max_tokens":20}""", 20)]
    public async Task DefaultOfAnotherName_SaysNoMoreThanIsReserved(string fields, int sent)
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(
            new UpstreamScript(), out var upstreamModel, modelFields: new { max_output_tokens = 100, default_params = new { n_predict = 100_000 } });
        (await CallAsync(admin, slug, JsonNode.Parse(fields)!.AsObject())).Ok();
        Assert.Equal(sent, (int)SentTo(upstreamModel)["n_predict"]!);
    }

    [Theory]
    [InlineData("""{"n":2,"N":10,"num_images":10,"batchSize":1}""", """{"n":2,"N":2,"num_images":2,"batchSize":1,"num_outputs":2}""")]
    [InlineData("""{"Batch_Size":8}""", """{"Batch_Size":1,"num_outputs":1}""")]
    public async Task Images_AreNoMoreThanIsReserved(string fields, string sent)
    {
        using var admin = await BudgetedAsync();
        var slug = await ConnectAsync(
            new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "image", image_price = "0.04", default_params = new { num_outputs = 4 } });
        var body = JsonNode.Parse(fields)!.AsObject();
        (body["model"], body["prompt"]) = (slug, "a dot");
        (await admin.Api.SendAsync(HttpMethod.Post, "/v1/inference/images/generate", body.ToJsonString())).Ok();
        var received = SentTo(upstreamModel).AsObject();
        Assert.True(received.Remove("model") && received.Remove("prompt"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(sent), received), received.ToJsonString());
    }

    /// <summary>A user of a tenant with a blocking budget. A replica that knows a model created later also knows the budget.</summary>
    private async Task<SeededUser> BudgetedAsync()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        (await admin.Api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "total", cost_limit = "1000" })).Created();
        return admin;
    }

    private static Task<Answer> CallAsync(SeededUser user, string slug, JsonObject fields, string prompt = "hi") => CallAsync(user.Api, slug, fields, prompt);

    private static Task<Answer> CallAsync(ApiDriver api, string slug, JsonObject fields, string prompt = "hi")
    {
        fields["model"] = slug;
        fields["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt });
        return api.SendAsync(HttpMethod.Post, "/v1/inference/chat", fields.ToJsonString());
    }

    // All fields except the model and the messages.
    private void AssertSent(string fields, string upstreamModel)
    {
        var sent = SentTo(upstreamModel).AsObject();
        Assert.True(sent.Remove("model") && sent.Remove("messages"));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(fields), sent), sent.ToJsonString());
    }

    private JsonNode SentTo(string upstreamModel) => JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!;
}
