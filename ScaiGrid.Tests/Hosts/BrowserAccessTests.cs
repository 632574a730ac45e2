using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>Which web pages may call the API (<c>SCAIGRID_CORS_ORIGINS</c>).</summary>
[Trait("needs", "services")]
public sealed class BrowserAccessTests(Grid grid) : IAsyncLifetime
{
    private const string Named = "https://app.example.com";
    private const string AllowOrigin = "Access-Control-Allow-Origin";

    public async ValueTask InitializeAsync() => await grid.EnsureStartedAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task OnlyPagesOfANamedOrigin_MayAskAndReadAnswers()
    {
        await using var api = await ModeProcess.StartAsync(
            Mode.Http, new Dictionary<string, string>(grid.Services!.Settings) { ["SCAIGRID_CORS_ORIGINS"] = Named });
        using var client = new HttpClient(new SocketsHttpHandler()) { BaseAddress = api.BaseAddress };

        Assert.Equal(Named, await AllowedAsync(client, HttpMethod.Options, Named));
        Assert.Equal(Named, await AllowedAsync(client, HttpMethod.Post, Named));
        Assert.Null(await AllowedAsync(client, HttpMethod.Options, "https://elsewhere.example.com"));
        Assert.Null(await AllowedAsync(client, HttpMethod.Post, "https://elsewhere.example.com"));
        Assert.Null(await AllowedAsync(client, HttpMethod.Post, origin: null));

        // OpenAI's browser client sends headers with details of its platform, and responses have headers that name the backend.
        Assert.Equal("authorization,x-stainless-lang", await HeaderAsync(client, HttpMethod.Options, Named, "Access-Control-Allow-Headers"));
        Assert.Equal("*", await HeaderAsync(client, HttpMethod.Post, Named, "Access-Control-Expose-Headers"));
    }

    /// <returns>The origin whose pages may read the answer of a chat call; null if the answer names none.</returns>
    internal static Task<string?> AllowedAsync(HttpClient client, HttpMethod method, string? origin) => HeaderAsync(client, method, origin, AllowOrigin);

    private static async Task<string?> HeaderAsync(HttpClient client, HttpMethod method, string? origin, string name)
    {
        using var request = new HttpRequestMessage(method, "/v1/inference/chat");
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        if (method == HttpMethod.Options)
        {
            request.Headers.Add("Access-Control-Request-Method", "POST");
            request.Headers.Add("Access-Control-Request-Headers", "authorization,x-stainless-lang");
        }

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return response.Headers.TryGetValues(name, out var values) ? Assert.Single(values) : null;
    }
}
