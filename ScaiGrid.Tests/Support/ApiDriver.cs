using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>A client of the HTTP API with one API key. Its methods are named after users' intentions; failures print the response body.</summary>
public sealed class ApiDriver : IDisposable
{
    private readonly HttpClient _http;
    private readonly Uri _baseAddress;
    private readonly TestCertificate? _trusted;

    /// <param name="baseAddress">The replica, or the proxy in front of it.</param>
    /// <param name="key">The API key; null for none.</param>
    /// <param name="trusted">The certificate of an HTTPS address.</param>
    public ApiDriver(Uri baseAddress, string? key, TestCertificate? trusted = null)
    {
        (_baseAddress, _trusted) = (baseAddress, trusted);
        Key = key;
#pragma warning disable RS0030 // A test is its own client.
        // A response that is disposed early closes its connection at once, like a caller who disconnects.
        var handler = new SocketsHttpHandler { ResponseDrainTimeout = TimeSpan.Zero, SslOptions = trusted?.TrustOnly() ?? new() };
        _http = new HttpClient(handler) { BaseAddress = baseAddress, Timeout = TimeSpan.FromMinutes(3) };
#pragma warning restore RS0030
        if (key is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    public string? Key { get; }

    public Uri BaseAddress => _baseAddress;

    /// <summary>The underlying client, for calls without a method here.</summary>
    public HttpClient Http => _http;

    /// <summary>A driver of the same replica with another key.</summary>
    public ApiDriver As(string? key) => new(_baseAddress, key, _trusted);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? json = null, string? contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (json is not null)
        {
            request.Content = new StringContent(json, Encoding.UTF8);
            request.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        }

        using var response = await _http.SendAsync(request);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), Headers(response));
    }

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public Task<Answer> PostAsync(string path, object body) => SendAsync(HttpMethod.Post, path, Json(body));

    public Task<Answer> PutAsync(string path, object body) => SendAsync(HttpMethod.Put, path, Json(body));

    public Task<Answer> DeleteAsync(string path) => SendAsync(HttpMethod.Delete, path);

    public Task<Answer> ChatAsync(string model, string text = "hi", string path = "/v1/inference/chat") =>
        PostAsync(path, new { model, messages = new[] { new { role = "user", content = text } } });

    /// <summary>Starts a stream; the test reads events, and may dispose it before its end.</summary>
    public async Task<EventStream> StreamAsync(string model, string text = "hi", string path = "/v1/inference/chat", bool? includeUsage = null)
    {
        object body = includeUsage is { } include
            ? new { model, stream = true, stream_options = new { include_usage = include }, messages = new[] { new { role = "user", content = text } } }
            : new { model, stream = true, messages = new[] { new { role = "user", content = text } } };
        return await StreamBodyAsync(path, Json(body));
    }

    /// <summary>Starts a stream with the given body.</summary>
    public async Task<EventStream> StreamBodyAsync(string path, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        return new EventStream(await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead));
    }

    /// <summary>Sends a form with a recording.</summary>
    /// <param name="path">The operation.</param>
    /// <param name="file">The recording; null for none.</param>
    /// <param name="fields">The other fields, sent after the recording, as clients do.</param>
    public async Task<Answer> TranscribeAsync(string path, byte[]? file, params (string Name, string Value)[] fields)
    {
        using var form = new MultipartFormDataContent();
        if (file is not null)
        {
            var part = new ByteArrayContent(file);
            part.Headers.ContentType = new MediaTypeHeaderValue("audio/wav");
            form.Add(part, "file", "tape.wav");
        }

        foreach (var (name, value) in fields)
        {
            form.Add(new StringContent(value), name);
        }

        using var response = await _http.PostAsync(path, form);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), Headers(response));
    }

    /// <summary>Uploads the input of a batch.</summary>
    public async Task<Answer> UploadAsync(byte[] bytes, string path = "/v1/files", string name = "input.jsonl")
    {
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(bytes), "file", name } };
        using var response = await _http.PostAsync(path, form);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), Headers(response));
    }

    /// <summary>Creates an API key for the caller.</summary>
    public async Task<(string Id, string Key)> CreateKeyAsync(string name = "test")
    {
        var data = (await PostAsync("/v1/api-keys", new { name })).Created();
        return ((string)data["id"]!, (string)data["key"]!);
    }

    /// <summary>
    /// Connects an OpenAI-compatible upstream by the four calls in the README, and returns the model's slug.
    /// </summary>
    public async Task<string> ConnectAsync(string baseUrl, string upstreamModel, string inputPrice = "1", string outputPrice = "2", object? modelFields = null)
    {
        var unique = Guid.CreateVersion7().ToString("N")[^12..];
        var provider = (await PostAsync("/v1/providers", new { name = $"fake-{unique}", type = "custom", config = new { base_url = baseUrl, api_key = "sk-upstream-secret-1234" } })).Created();
        var backend = (await PostAsync(
            "/v1/backends",
            new
            {
                name = "fake",
                provider_id = (string)provider["id"]!,
                model = upstreamModel,
                capabilities = new[] { "chat" },
                input_price_per_mtok = "0.5",
                output_price_per_mtok = "1",
                status = "active",
            })).Created();
        var slug = $"test/{unique}";
        var fields = JsonSerializer.SerializeToNode(modelFields ?? new { })!.AsObject();
        fields["slug"] = slug;
        fields["display_name"] = "Test";
        fields["modality"] ??= "chat";
        fields["input_price_per_mtok"] = inputPrice;
        fields["output_price_per_mtok"] = outputPrice;
        var model = (await SendAsync(HttpMethod.Post, "/v1/models", fields.ToJsonString())).Created();
        (await PutAsync(
            $"/v1/models/{(string)model["id"]!}/routing",
            new { strategy = "weighted", targets = new[] { new { backend_id = (string)backend["id"]!, weight = 1, priority = 0 } } })).Ok();
        return slug;
    }

    /// <summary>Usage rows of a model; waits until there are <paramref name="count"/>, because a flush may be in progress.</summary>
    public async Task<IReadOnlyList<JsonNode>> UsageAsync(string model, int count, int timeoutSeconds = 60)
    {
        var rows = new List<JsonNode>();
        for (var i = 0; i < timeoutSeconds * 2; i++)
        {
            rows.Clear();
            string? cursor = null;
            do
            {
                var page = (await GetAsync($"/v1/accounting/usage?limit=1000&model={Uri.EscapeDataString(model)}{(cursor is null ? "" : $"&cursor={cursor}")}")).Body();
                rows.AddRange(page["data"]!["items"]!.AsArray().Select(item => item!));
                cursor = (string?)page["pagination"]!["next_cursor"];
            }
            while (cursor is not null);

            if (rows.Count >= count)
            {
                return rows;
            }

            await Task.Delay(500);
        }

        return rows;
    }

    public void Dispose() => _http.Dispose();

    private static string Json(object body) => body as string ?? JsonSerializer.Serialize(body);

    private static Dictionary<string, string> Headers(HttpResponseMessage response) =>
        response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase);
}

/// <summary>A complete response.</summary>
public sealed record Answer(HttpStatusCode Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The <c>data</c> of a 200.</summary>
    public JsonNode Ok() => Expect(HttpStatusCode.OK)["data"]!;

    /// <summary>The <c>data</c> of a 201.</summary>
    public JsonNode Created() => Expect(HttpStatusCode.Created)["data"]!;

    public JsonNode Body() => Expect(HttpStatusCode.OK);

    /// <summary>Asserts an error in our envelope and returns its <c>error</c>.</summary>
    public JsonNode Error(int status, string code)
    {
        var body = Expect((HttpStatusCode)status);
        Assert.Equal("error", (string?)body["status"]);
        Assert.True((string?)body["error"]!["code"] == code, $"Expected {code}: {Text}");
        Assert.False(string.IsNullOrEmpty((string?)body["error"]!["message"]), Text);
        Assert.Equal(Headers["X-Request-Id"], (string?)body["meta"]!["request_id"]);
        return body["error"]!;
    }

    /// <summary>Asserts an error in OpenAI's form and returns its <c>error</c>.</summary>
    public JsonNode OpenAiError(int status, string code)
    {
        var error = Expect((HttpStatusCode)status)["error"]!;
        Assert.True((string?)error["code"] == code, $"Expected {code}: {Text}");
        Assert.False(string.IsNullOrEmpty((string?)error["message"]), Text);
        Assert.False(string.IsNullOrEmpty((string?)error["type"]), Text);
        Assert.True(error.AsObject().ContainsKey("param"), Text);
        return error;
    }

    private JsonNode Expect(HttpStatusCode status)
    {
        Assert.True(Status == status, $"Expected {(int)status}, was {(int)Status}: {Text}");
        return JsonNode.Parse(Text)!;
    }
}
