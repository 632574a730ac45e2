using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>
/// The key of a provider, for each provider type and each way in which a call can fail with an upstream that repeats the key. It reaches the upstream, and is
/// in no response, log, trace, metric or file, and in no column in plain text.
/// </summary>
public sealed class CanaryTests(Grid grid) : ServicesTest(grid)
{
    private const string Canary = "sk-canary-7c1f0e5d9b";

    private static readonly string[] Paths = ["/v1/inference/chat", "/oai/v1/chat/completions"];

    private readonly ConcurrentQueue<bool> _carriedKey = new();

    [Fact]
    public async Task Key_IsNowhereInClear()
    {
        await using var upstream = new ScriptedUpstream();
        await upstream.InitializeAsync();
        await using var sink = await TelemetrySink.StartAsync();
        using var data = new TemporaryFolder();
        await using var replica = await Replica.StartAsync(Mode.Http, new Dictionary<string, string>([.. Services.Settings, .. sink.Settings])
        {
            ["SCAIGRID_DATA_DIR"] = data.Path,
        });
        using var api = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);

        var slugs = new List<string>();
        using (var http = new UpstreamHttp(new InferenceOptions(), TimeProvider.System))
        {
            foreach (var type in new ProviderCatalog(http, TimeProvider.System).Types.Where(type => type != "echo"))
            {
                slugs.AddRange(await ConnectAsync(api, WireDialect.Of(type), upstream));
            }
        }

        await Poll.UntilAsync(async () => (await api.ChatAsync(slugs[^1])).Status != System.Net.HttpStatusCode.NotFound, "the last model in the snapshot");
        var shown = new StringBuilder();
        foreach (var slug in slugs)
        {
            shown.AppendLine(await CallAsync(api, slug));
        }

        foreach (var path in (string[])["/v1/providers?limit=1000", "/v1/backends?limit=1000", "/metrics"])
        {
            shown.AppendLine((await api.GetAsync(path)).Text);
        }

        await replica.TerminateAsync();
        Assert.NotEmpty(_carriedKey);
        Assert.All(_carriedKey, Assert.True);
        Assert.DoesNotContain(Canary, shown.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Canary, replica.Output, StringComparison.Ordinal);
        foreach (var signal in (string[])["traces", "logs", "metrics"])
        {
            Assert.NotEmpty(sink.Of(signal));
            Assert.All(sink.Of(signal), body => Assert.False(Holds(body), signal));
        }

        Assert.All(Directory.EnumerateFiles(data.Path, "*", SearchOption.AllDirectories), file => Assert.False(Holds(File.ReadAllBytes(file)), file));
        Assert.Empty(await Services.MariaDb.ColumnsWithAsync(Canary));
    }

    /// <summary>Proves that the search finds text that is stored in plain.</summary>
    [Fact]
    public async Task ColumnSearch_FindsWhatIsInClear()
    {
        var name = Fresh.Name();
        (await Admin.PostAsync("/v1/providers", new { name, type = "echo" })).Created();
        Assert.Contains("providers.name", await Services.MariaDb.ColumnsWithAsync(name));
    }

    /// <returns>A slug for each way to fail.</returns>
    private async Task<IReadOnlyList<string>> ConnectAsync(ApiDriver api, WireDialect wire, ScriptedUpstream upstream)
    {
        var scripts = Scripts(wire);
        var provider = (string)(await api.PostAsync(
            "/v1/providers", new { name = Fresh.Name(), type = wire.Type, config = new { base_url = upstream.Play(scripts[0]), api_key = Canary } })).Created()["id"]!;
        var slugs = new List<string>();
        foreach (var script in scripts)
        {
            var backend = (string)(await api.PostAsync(
                "/v1/backends", new { name = Fresh.Name(), provider_id = provider, model = wire.Model, connection_config = new { base_url = upstream.Play(script) } })).Created()["id"]!;
            var slug = $"canary/{Fresh.Name()}";
            var model = (string)(await api.PostAsync(
                "/v1/models", new { slug, display_name = "Canary", modality = "chat", input_price_per_mtok = "1", output_price_per_mtok = "1" })).Created()["id"]!;
            (await api.PutAsync($"/v1/models/{model}/routing", new { strategy = "weighted", targets = new[] { new { backend_id = backend, weight = 1, priority = 0 } } })).Ok();
            slugs.Add(slug);
        }

        return slugs;
    }

    // The upstream's responses contain the key wherever they can.
    private IReadOnlyList<Func<HttpContext, Task>> Scripts(WireDialect wire)
    {
        Func<HttpContext, Task>[] scripts =
        [
            context => context.AnswerAsync(wire.Whole("fine")),
            context => context.SendAsync([.. wire.Begin(), wire.Text("fine"), .. wire.Finish(), .. wire.End()]),
            context => context.AnswerAsync(wire.Whole($"Sent: Bearer {Canary}")),
            context => context.SendAsync([.. wire.Begin(), wire.Text($"Sent: Bearer {Canary}"), .. wire.Finish(), .. wire.End()]),
            context => context.AnswerAsync(wire.Error($"bad key {Canary}"), 401, ("X-Key", Canary)),
            context => context.AnswerAsync(wire.Error($"bad request with {Canary}"), 400),
            context => context.AnswerAsync(wire.Error($"slow down, {Canary}"), 429, ("Retry-After", "1")),
            context => context.AnswerAsync($"<html>{Canary}</html>", 502),
            context => context.AnswerAsync($"{{\"broken\": \"{Canary}"),
            context => context.SendAsync([.. wire.Begin(), wire.Text("half"), wire.Overloaded().Replace("Overloaded", $"Overloaded {Canary}", StringComparison.Ordinal)]),
            context => context.SendAsync([.. wire.Begin(), wire.Text("half"), $"data: {{\"broken\": \"{Canary}\n\n"]),
        ];
        return [.. scripts.Select(script => (Func<HttpContext, Task>)(context =>
        {
            _carriedKey.Enqueue(context.Request.Headers.Any(header => header.Value.ToString().Contains(Canary, StringComparison.Ordinal)));
            return script(context);
        }))];
    }

    private static async Task<string> CallAsync(ApiDriver api, string slug)
    {
        var shown = new StringBuilder();
        foreach (var path in Paths)
        {
            foreach (var stream in (bool[])[false, true])
            {
                var answer = await api.PostAsync(path, new { model = slug, stream, messages = new[] { new { role = "user", content = "hi" } } });
                shown.AppendLine(answer.Text).AppendLine(JsonSerializer.Serialize(answer.Headers));
            }
        }

        return shown.ToString();
    }

    private static bool Holds(byte[] bytes) => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Canary)) >= 0;
}
