using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>A test that plays ScaiKey and sends its events to the grid.</summary>
public abstract class ScaiKeyTest(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    protected IssuerGrid Issuers { get; } = issuers;

    protected static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    protected async Task<(string Tenant, string User, string Email)> UserAsync()
    {
        var (partner, tenant, user) = (Fresh.Name(), Fresh.Name(), Fresh.Name());
        await HandledAsync("partner.created", partner, new() { ["slug"] = partner, ["display_name"] = "Partner" });
        await HandledAsync("tenant.created", tenant, new() { ["slug"] = tenant, ["display_name"] = "Tenant" }, partner: partner);
        await HandledAsync("user.created", user, new() { ["email"] = $"{user}@test.example" }, tenant);
        return (tenant, user, $"{user}@test.example");
    }

    protected async Task HandledAsync(string type, string id, JsonObject data, string? tenant = null, string? partner = null)
    {
        var answer = await SendAsync(Event(type, id, data, tenant, partner));
        Assert.True(Outcome(answer) == (true, false), answer.Text);
    }

    protected static JsonObject Event(string type, string id, JsonObject data, string? tenant = null, string? partner = null, DateTimeOffset? at = null) => new()
    {
        ["event_id"] = $"evt-{Guid.CreateVersion7():N}",
        ["event_type"] = type,
        ["timestamp"] = (at ?? Now).ToString("O", CultureInfo.InvariantCulture),
        ["resource"] = new JsonObject { ["type"] = type.Split('.')[0], ["id"] = id },
        ["actor"] = new JsonObject { ["id"] = "someone", ["type"] = "user" },
        ["data"] = data.DeepClone(),
        ["tenant_id"] = tenant,
        ["partner_id"] = partner,
    };

    protected Task<Answer> SendAsync(JsonObject told)
    {
        var body = told.ToJsonString();
        return PostAsync(body, Signature(body, Now.ToUnixTimeSeconds()));
    }

    protected async Task<Answer> PostAsync(string body, string? signature, ApiDriver? to = null)
    {
        using var ours = Issuers.As(null);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/webhooks/scaikey") { Content = new StringContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/json");
        request.Headers.TryAddWithoutValidation("X-ScaiKey-Signature", signature);
        using var response = await (to ?? ours).Http.SendAsync(request);
        return new Answer(
            response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.ToDictionary(header => header.Key, header => header.Value.First(), StringComparer.OrdinalIgnoreCase));
    }

    protected static (bool Handled, bool Duplicate) Outcome(Answer answer) => ((bool)answer.Ok()["handled"]!, (bool)answer.Ok()["duplicate"]!);

    protected static string Signature(string body, long time, string secret = IssuerGrid.WebhookSecret)
    {
        var text = time.ToString(CultureInfo.InvariantCulture);
        return $"t={text},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{text}.{body}")))}";
    }
}
