using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The values of the configured headers and key are masked in the upstream's error messages.</summary>
public sealed class ProviderSettingsTests
{
    [Theory]
    [InlineData("Accept", "application/json", "send json as application/json", "send json as •••")]
    [InlineData("X-Title", "Acme assistant", "the assistant of Acme assistant", "the assistant of •••")]
    [InlineData("Authorization", "Basic dXNlcjpzZWNyZXQtd29yZA", "not dXNlcjpzZWNyZXQtd29yZA, of messages", "not •••, of messages")]
    [InlineData("x-goog-api-key", "AIza-0123456789-content", "the key AIza...tent", "the key •••")]
    public void Error_HidesWholeValues_AndTheEndsOfKeys(string header, string value, string said, string told)
    {
        var settings = new ProviderSettings(new JsonObject { ["api_key"] = "sk-0123456789-messages-content", ["headers"] = new JsonObject { [header] = value } });
        var answer = new JsonObject { ["error"] = new JsonObject { ["type"] = "invalid_request_error", ["message"] = said, ["param"] = "messages[0].content" } };
        var error = UpstreamErrors.In(Encoding.UTF8.GetBytes(answer.ToJsonString()), settings.Address("https://grid.example", "Authorization", "Bearer "));
        Assert.Equal((told, "messages[0].content"), (error?.Message, error?.Field));
    }
}
