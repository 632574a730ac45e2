using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.IdentityModel.Tokens;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>An application that signs a user in: it holds the verifier and the state, and runs the flow.</summary>
internal sealed class SignInDriver(ApiDriver api, string email, string tenantId, string redirectUri = IssuerGrid.RedirectUri)
{
    public string Verifier { get; } = RandomNumberGenerator.GetHexString(64);

    public string State { get; } = RandomNumberGenerator.GetHexString(20);

    public string RedirectUri => redirectUri;

    public string Challenge => Base64UrlEncoder.Encode(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)));

    public Task<Answer> AuthorizeAsync(params (string Name, object? Value)[] changes)
    {
        var body = new Dictionary<string, object?>
        {
            ["email"] = email,
            ["tenant_id"] = tenantId,
            ["code_challenge"] = Challenge,
            ["code_challenge_method"] = "S256",
            ["redirect_uri"] = redirectUri,
            ["state"] = State,
        };
        foreach (var (name, value) in changes)
        {
            body[name] = value;
        }

        return api.PostAsync("/v1/auth/authorize", body);
    }

    public async Task<Uri> AuthorizeUrlAsync()
    {
        var started = (await AuthorizeAsync()).Ok();
        Assert.False(string.IsNullOrEmpty((string?)started["flow_id"]));
        return new Uri((string)started["authorize_url"]!);
    }

    /// <summary>The browser's return from the issuer. Returns the response without following its redirect.</summary>
    public async Task<HttpResponseMessage> CallbackAsync(Uri callback)
    {
        using var handler = new SocketsHttpHandler { AllowAutoRedirect = false };
        using var browser = new HttpMessageInvoker(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(api.BaseAddress, callback.PathAndQuery));
        var response = await browser.SendAsync(request, TestContext.Current.CancellationToken);
        await response.Content.LoadIntoBufferAsync();
        return response;
    }

    /// <summary>The code in the final redirect to the application.</summary>
    public async Task<string> CodeAsync(Uri callback)
    {
        using var response = await CallbackAsync(callback);
        Assert.True(response.StatusCode == HttpStatusCode.Redirect, await response.Content.ReadAsStringAsync());
        Assert.StartsWith(redirectUri, response.Headers.Location!.OriginalString, StringComparison.Ordinal);
        var query = QueryHelpers.ParseQuery(response.Headers.Location.Query);
        Assert.Equal(State, query["state"].ToString());
        Assert.True(query.ContainsKey("code"), response.Headers.Location.OriginalString);
        return query["code"].ToString();
    }

    public Task<Answer> TokenAsync(string code, string? verifier = null, string? redirect = null) => api.PostAsync(
        "/v1/auth/token", new { grant_type = "authorization_code", code, code_verifier = verifier ?? Verifier, redirect_uri = redirect ?? redirectUri });

    public Task<Answer> RefreshAsync(string refreshToken) => api.PostAsync("/v1/auth/refresh", new { refresh_token = refreshToken });

    public static (string Access, string Refresh) Tokens(JsonNode data)
    {
        Assert.Equal("Bearer", (string?)data["token_type"]);
        Assert.InRange((int)data["expires_in"]!, 1, 900);
        return ((string)data["access_token"]!, (string)data["refresh_token"]!);
    }
}
