using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Samples;

/// <summary>Receives ScaiGrid's events in ASP.NET Core: <c>app.MapScaiGridEvents("/events", secret, handle, TimeProvider.System)</c>.</summary>
public static class WebhookReceiver
{
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public static void MapScaiGridEvents(this WebApplication app, string path, string secret, Func<JsonElement, Task> handle, TimeProvider time) =>
        app.MapPost(path, async (HttpRequest request) =>
        {
            // The bytes as they came: a document that was parsed and written again has another signature.
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            if (!IsGenuine(secret, request.Headers["X-ScaiGrid-Signature-V2"].ToString(), body.ToArray(), time.GetUtcNow()))
            {
                return Results.Unauthorized();
            }

            // Answer quickly, and remember event_id: an event can come twice.
            using var document = JsonDocument.Parse(body.ToArray());
            await handle(document.RootElement.Clone());
            return Results.NoContent();
        });

    /// <summary>Checks <c>t=…,v1=…</c>: who sent the body, and that it was sent just now.</summary>
    public static bool IsGenuine(string secret, string signature, byte[] body, DateTimeOffset now)
    {
        var parts = signature.Split(',').Select(part => part.Split('=', 2)).Where(part => part.Length == 2).ToLookup(part => part[0], part => part[1]);
        if (!long.TryParse(parts["t"].FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var sent)
            || Math.Abs(now.ToUnixTimeSeconds() - sent) > Tolerance.TotalSeconds)
        {
            return false;
        }

        byte[] signed = [.. Encoding.ASCII.GetBytes($"{sent.ToString(CultureInfo.InvariantCulture)}."), .. body];
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
        return parts["v1"].Any(given => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(given), Encoding.ASCII.GetBytes(expected)));
    }
}
