using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Images on both HTTP surfaces, and their links.</summary>
public sealed class ImageTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/images/generate";
    private const string OpenAi = "/oai/v1/images/generations";

    private static readonly object Image = new { modality = "image", image_price = "0.04" };

    [Fact]
    public async Task NativeAnswer_HasLinksThatAnybodyCanOpen()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Image);
        var data = (await Admin.PostAsync(Native, new { model = slug, prompt = "a dot", n = 2, metadata = new { job = "7" } })).Ok();
        Assert.Equal(slug, (string?)data["model"]);
        Assert.Equal(2, data["data"]!.AsArray().Count);
        var link = new Uri((string)data["data"]![0]!["url"]!);
        Assert.Equal(Admin.BaseAddress.Authority, link.Authority);
        using var stranger = Admin.As(null);
        using var picture = await stranger.Http.GetAsync(link);
        Assert.Equal(HttpStatusCode.OK, picture.StatusCode);
        Assert.Equal(FakeOperations.Png, await picture.Content.ReadAsByteArrayAsync());
        Assert.Equal("image/png", picture.Content.Headers.ContentType!.ToString());
        Assert.Equal("nosniff", string.Concat(picture.Headers.GetValues("X-Content-Type-Options")));
        Assert.InRange(picture.Headers.CacheControl!.MaxAge!.Value, TimeSpan.FromMinutes(55), TimeSpan.FromHours(1));

        using var question = new HttpRequestMessage(HttpMethod.Head, link);
        using var head = await stranger.Http.SendAsync(question);
        Assert.Equal((HttpStatusCode.OK, "image/png", (long?)FakeOperations.Png.Length), (head.StatusCode, head.Content.Headers.ContentType!.ToString(), head.Content.Headers.ContentLength));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task LinkThatWasAltered_LeadsNowhere()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: Image);
        var link = (string)(await Admin.PostAsync(Native, new { model = slug, prompt = "a dot" })).Ok()["data"]![0]!["url"]!;
        var expires = link[(link.IndexOf("expires=", StringComparison.Ordinal) + 8)..link.IndexOf('&', StringComparison.Ordinal)];
        using var stranger = Admin.As(null);
        (await stranger.GetAsync(link.Replace(expires, $"{long.Parse(expires, null) + 1}", StringComparison.Ordinal))).Error(404, "NOT_FOUND");
        (await stranger.GetAsync(link[..^4])).Error(404, "NOT_FOUND");
        (await stranger.GetAsync(link[..link.IndexOf('?', StringComparison.Ordinal)])).Error(404, "NOT_FOUND");
        (await stranger.GetAsync(link.Replace("/v1/media/media_", "/v1/media/other_", StringComparison.Ordinal))).Error(404, "NOT_FOUND");
    }

    [Theory]
    [InlineData("b64_json")]
    [InlineData("url")]
    public async Task Upstream_IsAskedForBase64(string format)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: Image);
        var picture = (await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot", response_format = format })).Body()["data"]![0]!;
        Assert.NotNull(picture[format]);
        Assert.Single(picture.AsObject());
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!.AsObject();
        Assert.Equal("b64_json", (string?)received["response_format"]);
        Assert.False(received.ContainsKey("metadata"));
    }

    [Theory]
    [InlineData("b64_json", Native)]
    [InlineData("url", OpenAi)]
    public async Task FormatOfTheModelsDefaults_IsTheCallersWhoNamesNone(string format, string path)
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel, modelFields: new { modality = "image", default_params = new { response_format = format } });
        var body = (await Admin.PostAsync(path, new { model = slug, prompt = "a dot" })).Body();
        Assert.NotNull((path == Native ? body["data"]! : body)["data"]![0]![format]);
        Assert.Equal("b64_json", (string?)JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!["response_format"]);
        var other = format == "url" ? "b64_json" : "url";
        Assert.NotNull((await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot", response_format = other })).Body()["data"]![0]![other]);
    }

    /// <summary>These models reject the field.</summary>
    [Theory]
    [InlineData("gpt-image-1")]
    [InlineData("openai/gpt-image-1-mini")]
    [InlineData("proxy/openai/chatgpt-image-latest")]
    public async Task ModelsOfBase64Only_AreNotAskedForAFormat(string name)
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/images/generations", $$"""{"data":[{"b64_json":"{{Convert.ToBase64String(FakeOperations.Png)}}"}]}""");
        var slug = await vendor.ConnectAsync(Admin, "custom", "image", model: name);
        Assert.NotNull((await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot", response_format = "url" })).Body()["data"]![0]!["url"]);
        Assert.Equal($$"""{"model":"{{name}}","prompt":"a dot"}""", Assert.Single(vendor.Calls).Json);
    }

    [Theory]
    [InlineData("b64_json")]
    [InlineData("url")]
    [InlineData("url", "\"b64_json\":\"\",")]
    public async Task UpstreamThatGivesLinksOnly_IsFetchedFrom(string format, string beside = "")
    {
        var address = new Uri(new Uri(Grid.Upstream.BaseUrl), "/files/pixel.png");
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"data":[{{{beside}}"url":"{{address}}","revised_prompt":"a red dot"}]}""" }, modelFields: Image);
        var picture = (await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot", response_format = format })).Body()["data"]![0]!;
        Assert.Equal("a red dot", (string?)picture["revised_prompt"]);
        if (format == "url")
        {
            Assert.Equal(Admin.BaseAddress.Authority, new Uri((string)picture["url"]!).Authority);
            Assert.Equal(FakeOperations.Png, await Admin.Http.GetByteArrayAsync(new Uri((string)picture["url"]!)));
        }
        else
        {
            Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)picture["b64_json"]!));
        }
    }

    /// <summary>What OpenAI's clients read beside the pictures.</summary>
    [Fact]
    public async Task WhatOpenAiTellsOfThePictures_IsPassedOn_OnItsSurface()
    {
        var png = Convert.ToBase64String(FakeOperations.Png);
        var slug = await ConnectAsync(
            new UpstreamScript { Body = $$"""{"created":1700000000,"background":"opaque","output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":5,"output_tokens":4,"more":[]},"model":"theirs","data":[{"b64_json":"{{png}}"}]}""" },
            modelFields: Image);
        var answer = await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot" });
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse($$"""{"created":1700000000,"background":"opaque","output_format":"png","quality":"low","size":"1024x1024","usage":{"input_tokens":5,"output_tokens":4,"more":[]},"data":[{"b64_json":"{{png}}"}]}"""),
                answer.Body()),
            answer.Text);

        // The plus signs of base64 are not escaped: it would be several percent longer.
        Assert.Contains(png, answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("size", """["1024x1024"]""")]
    [InlineData("quality", """{"of":"low"}""")]
    [InlineData("background", "null")]
    [InlineData("usage", "7")]
    [InlineData("created", "\"now\"")]
    public async Task WhatIsOfAnotherKind_IsNotPassedOn(string field, string value)
    {
        var body = $$"""{"{{field}}":{{value}},"data":[{"b64_json":"{{Convert.ToBase64String(FakeOperations.Png)}}"}]}""";
        var slug = await ConnectAsync(new UpstreamScript { Body = body }, modelFields: Image);
        var answer = (await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot" })).Body().AsObject();
        Assert.Equal(["created", "data"], answer.Select(member => member.Key));
        Assert.Equal(JsonValueKind.Number, answer["created"]!.GetValueKind());
    }

    [Theory]
    [InlineData("\\/9j\\/4AAQ", "/9j/4AAQ")]
    [InlineData("iVBO\\nRw0K", "iVBORw0K")]
    public async Task Base64WrittenInAnotherWay_IsRead(string theirs, string ours)
    {
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"data":[{"b64_json":"{{theirs}}"}]}""" }, modelFields: Image);
        Assert.Equal(ours, (string?)(await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot" })).Body()["data"]![0]!["b64_json"]);
    }

    /// <summary>xAI leaves out the pictures that its filter removed. A refusal of one caller's content does not open the circuit for the others.</summary>
    [Theory]
    [InlineData("url", "")]
    [InlineData("b64_json", "")]
    [InlineData("b64_json", "AAAA")]
    public async Task PicturesThatAFilterRemoved_AreLeftOut_AndNoneLeft_IsARefusal(string name, string value)
    {
        var removed = $$"""{"{{name}}":"{{value}}","respect_moderation":false}""";
        var good = $$"""{"b64_json":"{{Convert.ToBase64String(FakeOperations.Png)}}","respect_moderation":true}""";
        var model = Script(new UpstreamScript { Body = $$"""{"data":[{{removed}}]}""" });
        var routed = await RoutedModel.CreateAsync(Admin, [model, Script(new UpstreamScript()) with { Priority = 1 }], modality: "image");
        for (var i = 0; i < 6; i++)
        {
            (await Admin.PostAsync(OpenAi, new { model = routed.Slug, prompt = "a dot", n = 1 })).OpenAiError(400, "content_policy_violation");
        }

        Assert.Equal("closed", await routed.StateAsync(0));
        var slug = await ConnectAsync(new UpstreamScript { Body = $$"""{"data":[{{removed}},{{good}}]}""" }, modelFields: Image);
        Assert.Single((await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot", n = 2 })).Body()["data"]!.AsArray());
        Assert.Equal("0.04", (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["cost"]);
    }

    [Fact]
    public async Task AnswerWithoutPictures_IsTheModelsFailure_NotTheBackends()
    {
        var routed = await RoutedModel.CreateAsync(Admin, [Script(new UpstreamScript { Body = """{"data":[]}""" })], modality: "image");
        for (var i = 0; i < 6; i++)
        {
            (await Admin.PostAsync(OpenAi, new { model = routed.Slug, prompt = "a dot" })).OpenAiError(502, "backend_error");
        }

        Assert.Equal("closed", await routed.StateAsync(0));
    }

    /// <summary>OpenAI answers with 400 to images for an account whose limit is reached: the caller can do nothing about it.</summary>
    [Fact]
    public async Task AccountWhoseLimitIsReached_IsNotTheCallersMistake()
    {
        var empty = Script(new UpstreamScript
        {
            Status = 400,
            Body = """{"error":{"code":"billing_hard_limit_reached","message":"Billing hard limit has been reached","param":null,"type":"invalid_request_error"}}""",
        });
        var model = await RoutedModel.CreateAsync(Admin, [empty, Script(new UpstreamScript()) with { Priority = 1 }], modality: "image");
        (await Admin.PostAsync(Native, new { model = model.Slug, prompt = "a dot" })).Ok();
        Assert.InRange((int)(await model.HealthAsync(0))["circuit"]!["retry_after_s"]!, 150, 300);
        model = await RoutedModel.CreateAsync(Admin, [empty], modality: "image");
        Assert.Equal(300, (int)(await Admin.PostAsync(Native, new { model = model.Slug, prompt = "a dot" })).Error(429, "BACKEND_RATE_LIMITED")["retry_after"]!);
    }

    /// <summary>The code by which OpenAI's clients know a refusal of GPT Image.</summary>
    [Fact]
    public async Task RefusalOfGptImage_KeepsItsCode()
    {
        var slug = await ConnectAsync(
            new UpstreamScript
            {
                Status = 400,
                Body = """{"error":{"message":"Your request was rejected by the safety system.","type":"image_generation_user_error","param":null,"code":"moderation_blocked"}}""",
            },
            modelFields: Image);
        (await Admin.PostAsync(OpenAi, new { model = slug, prompt = "a dot" })).OpenAiError(400, "moderation_blocked");
    }

    /// <summary>All pictures are fetched whole before one is stored, so their size is limited, whether their server says the length or not.</summary>
    [Theory]
    [InlineData(1, 32, false, 200)]
    [InlineData(1, 33, false, 502)]
    [InlineData(1, 33, true, 502)]
    [InlineData(3, 21, false, 200)]
    [InlineData(3, 22, false, 413)]
    public async Task FetchedPictures_AreOfLimitedSize(int pictures, int mebibytes, bool saysLength, int status)
    {
        await using var server = new ScriptedUpstream();
        await server.InitializeAsync();
        var address = "";
        address = server.Play(async context =>
        {
            if (context.Request.Path.Value!.EndsWith("/images/generations", StringComparison.Ordinal))
            {
                var links = Enumerable.Repeat($$"""{"url":"{{address}}/picture"}""", pictures);
                await context.AnswerAsync($$"""{"data":[{{string.Join(',', links)}}]}""");
                return;
            }

            var piece = new byte[1024 * 1024];
            FakeOperations.Png.CopyTo(piece, 0);
            context.Response.ContentLength = saysLength ? mebibytes * (long)piece.Length : null;
            for (var i = 0; i < mebibytes; i++)
            {
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
            }
        });
        var slug = await Admin.ConnectAsync(address, "painter", modelFields: Image);
        var answer = await Admin.PostAsync(Native, new { model = slug, prompt = "a dot", n = pictures });
        switch (status)
        {
            case 413:
                answer.Error(413, "PAYLOAD_TOO_LARGE");

                // The caller asked for them, and the upstream made them.
                var row = Assert.Single(await Admin.UsageAsync(slug, 1));
                Assert.Equal(("error", "0.12"), ((string?)row["status"], (string?)row["cost"]));
                break;
            case 502:
                answer.Error(502, "UPSTREAM_SHAPE_MISMATCH");
                break;
            default:
                answer.Ok();
                break;
        }
    }

    /// <summary>What verifies an upstream verifies its pictures as well.</summary>
    [Fact]
    public async Task PictureOfAnUpstreamWithItsOwnAuthority_IsFetched()
    {
        using var certificate = new TestCertificate();
        await using var server = new ScriptedUpstream { Certificate = certificate };
        await server.InitializeAsync();
        var address = "";
        address = server.Play(context =>
        {
            if (context.Request.Path.Value!.EndsWith("/images/generations", StringComparison.Ordinal))
            {
                return context.AnswerAsync($$"""{"data":[{"url":"{{address}}/picture"}]}""");
            }

            context.Response.ContentType = "image/png";
            return context.Response.Body.WriteAsync(FakeOperations.Png).AsTask();
        });
        var provider = (string)(await Admin.PostAsync(
            "/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = address, ca_certificate = certificate.Pem } })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "painter" })).Created()["id"]!;
        var slug = Fresh.Slug();
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug, modality = "image" })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}/routing", new { targets = new[] { new { backend_id = backend } } })).Ok();
        (await Admin.PostAsync(Native, new { model = slug, prompt = "a dot" })).Ok();
    }

    [Theory]
    [InlineData("""{"data":[{}]}""")]
    [InlineData("""{"data":[5]}""")]
    [InlineData("""{"\ud83d":1,"data":[{}]}""")]
    [InlineData("""{"data":[{"b64_json":"AAAA"}]}""")]
    [InlineData("""{"data":[{"url":"file:///etc/passwd"}]}""")]
    [InlineData("""{"data":[{"url":"http://169.254.169.254/latest"}]}""")]
    [InlineData("""{"data":[{"b64_json":"%%%%"}]}""", "b64_json")]
    [InlineData("""{"data":[{"b64_json":""}]}""", "b64_json")]
    [InlineData("""{"data":[{"b64_json":"\ud83d"}]}""", "b64_json")]
    [InlineData("""{"c\ud83d____":1,"data":[{"b64_json":"{png}"}]}""", "b64_json")]
    [InlineData("""{"data":[{"b64_json":"{png}","b64_\ud83d":1}]}""", "b64_json")]
    [InlineData("""{"data":[{"b64_json":"{png}"}]} and more""", "b64_json")]
    public async Task WhatIsNoPicture_Is502_AndCostsNothing(string answer, string format = "url")
    {
        var body = answer.Replace("{png}", Convert.ToBase64String(FakeOperations.Png), StringComparison.Ordinal);
        var slug = await ConnectAsync(new UpstreamScript { Body = body }, out var upstreamModel, modelFields: Image);
        var request = new { model = slug, prompt = "a dot", response_format = format };
        (await Admin.PostAsync(Native, request)).Error(502, "UPSTREAM_SHAPE_MISMATCH");

        // Usage records arrive in the order of the calls: if the second call's record is there, a record of the first would be there too.
        Grid.Upstream.Play(upstreamModel, new UpstreamScript());
        (await Admin.PostAsync(Native, request)).Ok();
        Assert.Single(await Admin.UsageAsync(slug, 1));
    }

    [Theory]
    [InlineData("""{"b64_json":"AAAA"}""")]
    [InlineData("""{"url":"{0}/files/none.png"}""")]
    public async Task TargetWithoutAPicture_IsPassedOver(string picture)
    {
        var answer = $$"""{"data":[{{picture.Replace("{0}", new Uri(Grid.Upstream.BaseUrl).GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)}}]}""";
        var model = await RoutedModel.CreateAsync(Admin, [Script(new UpstreamScript { Body = answer }), Script(new UpstreamScript()) with { Priority = 1 }], modality: "image");
        var data = (await Admin.PostAsync(Native, new { model = model.Slug, prompt = "a dot" })).Ok();
        Assert.Equal(model.Backends[1], (string?)data["routing"]!["backend_id"]);
        Assert.Equal("shape_mismatch", (string?)Assert.Single(data["routing"]!["failed_attempts"]!.AsArray())!["outcome"]);
        Assert.Equal(model.Backends[1], (string?)Assert.Single(await Admin.UsageAsync(model.Slug, 1))["backend_id"]);
    }

    /// <summary>The upstream has generated the image and must be paid.</summary>
    [Fact]
    public async Task CallerWhoLeavesWhileAPictureIsFetched_PaysForIt()
    {
        await using var slow = new ScriptedUpstream();
        await slow.InitializeAsync();
        var asked = new TaskCompletionSource();
        var address = "";
        address = slow.Play(context =>
        {
            if (context.Request.Path.Value!.EndsWith("/images/generations", StringComparison.Ordinal))
            {
                return context.AnswerAsync($$"""{"data":[{"url":"{{address}}/picture"}]}""");
            }

            asked.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        });
        var slug = await Admin.ConnectAsync(address, "painter", "1", "2", Image);
        using var leave = new CancellationTokenSource();
        using var request = new StringContent($$"""{"model":"{{slug}}","prompt":"a dot"}""", System.Text.Encoding.UTF8, "application/json");
        var call = Admin.Http.PostAsync(Native, request, leave.Token);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("cancelled", "0.04"), ((string?)row["status"], (string?)row["cost"]));
    }

    [Fact]
    public async Task Pictures_AreBilledByThePiece_AndByTokensWhereTheyAreCounted()
    {
        var counted = await ConnectAsync(new UpstreamScript(), modelFields: Image);
        var uncounted = await ConnectAsync(new UpstreamScript { SendsUsage = false }, modelFields: Image);
        (await Admin.PostAsync(Native, new { model = counted, prompt = "a dot" })).Ok();
        (await Admin.PostAsync(Native, new { model = uncounted, prompt = "a dot", n = 3 })).Ok();

        // 11 tokens at 1 and 7 at 2 per million, and one image at 0.04.
        Assert.Equal("0.040025", (string?)Assert.Single(await Admin.UsageAsync(counted, 1))["cost"]);
        Assert.Equal("0.12", (string?)Assert.Single(await Admin.UsageAsync(uncounted, 1))["cost"]);
    }

    [Theory]
    [InlineData("""{"model":"m"}""", "prompt")]
    [InlineData("""{"model":"m","prompt":""}""", "prompt")]
    [InlineData("""{"model":"m","prompt":"x","n":11}""", "n")]
    [InlineData("""{"model":"m","prompt":"x","response_format":"tiff"}""", "response_format")]
    [InlineData("""{"model":"m","prompt":"x","stream":true}""", "stream")]
    public async Task BadField_IsNamed(string body, string field)
    {
        var error = (await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR");
        Assert.Equal(field, (string?)error["details"]![0]!["field"]);
        (await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error");
    }

    private RoutedBackend Script(UpstreamScript script)
    {
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, script);
        return new RoutedBackend(Grid.Upstream.BaseUrl, model);
    }
}
