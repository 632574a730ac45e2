using System.Text.Json.Serialization;

namespace ScaiGrid.Core.Http;

/// <summary>The body of every successful response under <c>/v1</c>: <c>{"status":"ok","data":…}</c>.</summary>
public sealed record Envelope<T>(T Data)
{
    [JsonPropertyOrder(-1)]
    public string Status { get; } = "ok";
}
