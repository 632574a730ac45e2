using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>A streamed response, read event by event, with the time of each event.</summary>
public sealed class EventStream(HttpResponseMessage response) : IDisposable
{
    private StreamReader? _reader;

    public HttpResponseMessage Response => response;

    /// <summary>The number of comment lines so far.</summary>
    public int Comments { get; private set; }

    public async Task<ServerEvent?> NextAsync(CancellationToken cancellationToken = default)
    {
        if (!response.IsSuccessStatusCode)
        {
            Assert.Fail($"{(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }

        _reader ??= new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken), Encoding.UTF8);
        string? name = null, data = null;
        while (await _reader.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(':'))
            {
                Comments++;
            }
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                name = line[7..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                data = data is null ? line[6..] : $"{data}\n{line[6..]}";
            }
            else if (line.Length == 0 && data is not null)
            {
                return new ServerEvent(name, data, Stopwatch.GetTimestamp());
            }
        }

        return null;
    }

    /// <summary>Reads all events until the end of the connection.</summary>
    public async Task<IReadOnlyList<ServerEvent>> AllAsync()
    {
        var events = new List<ServerEvent>();
        while (await NextAsync() is { } item)
        {
            events.Add(item);
        }

        return events;
    }

    public void Dispose()
    {
        _reader?.Dispose();
        response.Dispose();
    }
}

/// <param name="Name">The event's name; null for a plain message.</param>
/// <param name="Data">Its data.</param>
/// <param name="At">The timestamp at which it was complete.</param>
public sealed record ServerEvent(string? Name, string Data, long At)
{
    public bool IsDone => Data == "[DONE]";

    public JsonNode Json => JsonNode.Parse(Data)!;

    /// <summary>The text of the first choice's delta; empty if there is none.</summary>
    public string Content => IsDone ? "" : (string?)Json["choices"]?.AsArray().FirstOrDefault()?["delta"]?["content"] ?? "";
}
