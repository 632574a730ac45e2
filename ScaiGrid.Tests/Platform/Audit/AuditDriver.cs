using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>Reads the audit log through the API.</summary>
internal static class AuditDriver
{
    public static async Task<IReadOnlyList<JsonNode>> AuditAsync(this ApiDriver api, string query) =>
        [.. (await api.GetAsync($"/v1/audit-log?limit=1000&{query}")).Ok()["items"]!.AsArray().Select(item => item!)];

    /// <summary>Sends a request with additional headers.</summary>
    public static async Task<Answer> SendAsync(
        this ApiDriver api, HttpMethod method, string path, string? json, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        request.Content = json is null ? null : new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var response = await api.Http.SendAsync(request);
        var all = response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), all);
    }
}
