using System.Text.Json;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>OpenAI's own JavaScript client, installed by ./test. Runs a scenario of Support/openai/client.mjs, which makes its own assertions.</summary>
public static class JavaScriptClient
{
    public static async Task RunAsync(ApiDriver api, string scenario, string model, object? wanted = null)
    {
        var given = JsonSerializer.SerializeToNode(wanted ?? new { })!.AsObject();
        given["baseURL"] = new Uri(api.BaseAddress, "/oai/v1").ToString();
        given["apiKey"] = api.Key;
        given["model"] = model;
        var script = Path.Combine(Repository.Root, "ScaiGrid.Tests", "Support", "openai", "client.mjs");
        var (exitCode, output) = await ServerProcess.RunAsync(Requirement.Program("node", "nodejs"), [script, scenario, given.ToJsonString()]);
        Assert.True(exitCode == 0 && output.Contains("ok", StringComparison.Ordinal), output);
    }
}
