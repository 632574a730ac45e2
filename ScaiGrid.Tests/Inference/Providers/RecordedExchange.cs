using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>
/// One recorded exchange with a provider, as documents in a folder: <c>case.json</c> (backend and HTTP), <c>request.json</c> (from the caller),
/// <c>upstream-request.json</c>, <c>upstream.json</c> or <c>upstream.sse</c>, and the response to the caller: <c>response.json</c>,
/// <c>response.sse</c> or <c>error.json</c>, with <c>usage.json</c>.
/// </summary>
internal sealed class RecordedExchange(string provider, string name)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Folder { get; } = Path.Combine(Repository.Root, "ScaiGrid.Tests", "Inference", "Providers", "Recorded");

    public static IEnumerable<(string Provider, string Name)> All =>
        from provider in Directory.EnumerateDirectories(Folder).Order(StringComparer.Ordinal)
        from exchange in Directory.EnumerateDirectories(provider).Order(StringComparer.Ordinal)
        select (Path.GetFileName(provider), Path.GetFileName(exchange));

    public string Provider => provider;

    /// <summary>The type of the provider: the name of the folder, except for types with several formats.</summary>
    public string Type => (string?)Case["type"] ?? provider;

    public string Model => (string?)Case["model"] ?? "model-at-upstream";

    public JsonObject Config => (JsonObject)(Case["config"]?.DeepClone() ?? new JsonObject());

    public JsonObject Route => Case["route"] as JsonObject ?? [];

    public JsonObject Http => Case["http"] as JsonObject ?? [];

    public bool IsStream => (bool?)JsonNode.Parse(Read("request.json"))!["stream"] == true;

    /// <summary>The upstream's response; empty if the request never reaches the upstream.</summary>
    public byte[] UpstreamBytes => Exists("upstream.sse") ? File.ReadAllBytes(PathOf("upstream.sse")) : Exists("upstream.json") ? File.ReadAllBytes(PathOf("upstream.json")) : [];

    public string ContentType => Exists("upstream.sse") ? "text/event-stream" : "application/json";

    private JsonObject Case => Exists("case.json") ? JsonNode.Parse(Read("case.json"))!.AsObject() : [];

    public string Read(string file) => File.ReadAllText(PathOf(file));

    public bool Exists(string file) => File.Exists(PathOf(file));

    /// <summary>Compares with a document of the folder. With UPDATE_RECORDED=1 it writes the document instead, for review.</summary>
    public void Verify(string file, JsonNode? actual)
    {
        if (Environment.GetEnvironmentVariable("UPDATE_RECORDED") == "1")
        {
            Write(file, actual is null ? null : actual.ToJsonString(Indented) + "\n");
            return;
        }

        var expected = Exists(file) ? JsonNode.Parse(Read(file)) : null;
        if (!JsonNode.DeepEquals(expected, actual))
        {
            Xunit.Assert.Fail($"{provider}/{name}/{file} differs. Actual:\n{actual?.ToJsonString(Indented) ?? "(nothing)"}");
        }
    }

    /// <inheritdoc cref="Verify(string, JsonNode?)"/>
    public void VerifyStream(IReadOnlyList<string>? chunks)
    {
        const string file = "response.sse";
        var actual = chunks is null ? null : string.Concat(chunks.Select(chunk => $"data: {chunk}\n\n"));
        if (Environment.GetEnvironmentVariable("UPDATE_RECORDED") == "1")
        {
            Write(file, actual);
            return;
        }

        Xunit.Assert.Equal(Exists(file) ? Read(file) : null, actual);
    }

    private void Write(string file, string? text)
    {
        if (text is null)
        {
            File.Delete(PathOf(file));
        }
        else
        {
            File.WriteAllText(PathOf(file), text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        }
    }

    private string PathOf(string file) => Path.Combine(Folder, provider, name, file);
}
