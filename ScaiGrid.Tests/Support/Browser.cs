using System.Net;
using System.Text.RegularExpressions;
using Xunit;

namespace ScaiGrid.Tests.Support;

/// <summary>A minimal browser for sign-in: cookies, redirects and forms.</summary>
public sealed partial class Browser : IDisposable
{
    private const int MaxRedirects = 20;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = true, CookieContainer = new CookieContainer() });

    /// <summary>Follows redirects until there is a page, or until the address begins with <paramref name="until"/>.</summary>
    public Task<Page> OpenAsync(Uri address, string until) => FollowAsync(new HttpRequestMessage(HttpMethod.Get, address), until);

    /// <summary>Submits the page's form with the given fields.</summary>
    public Task<Page> SubmitAsync(Page page, string until, params (string Name, string Value)[] fields)
    {
        var form = Form().Match(page.Html);
        Assert.True(form.Success, page.Html);
        var values = HiddenInput().Matches(form.Value)
            .ToDictionary(input => Text(Attribute(input.Value, "name")), input => Text(Attribute(input.Value, "value")));
        foreach (var (name, value) in fields)
        {
            values[name] = value;
        }

        return FollowAsync(
            new HttpRequestMessage(HttpMethod.Post, new Uri(page.Address, Text(Attribute(form.Groups["head"].Value, "action")))) { Content = new FormUrlEncodedContent(values) },
            until);
    }

    public void Dispose() => _http.Dispose();

    private async Task<Page> FollowAsync(HttpRequestMessage request, string until)
    {
        var next = request;
        for (var i = 0; i < MaxRedirects; i++)
        {
            using var current = next;
            using var response = await _http.SendAsync(current, TestContext.Current.CancellationToken);
            var address = current.RequestUri!;
            if (response.Headers.Location is not { } location || (int)response.StatusCode is < 300 or > 399)
            {
                return new Page(address, response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            }

            var target = new Uri(address, location);
            if (target.OriginalString.StartsWith(until, StringComparison.Ordinal))
            {
                return new Page(target, response.StatusCode, "");
            }

            next = new HttpRequestMessage(HttpMethod.Get, target);
        }

        throw new InvalidOperationException($"Redirected without end, last to {next.RequestUri}.");
    }

    private static string Attribute(string tag, string name) => Regex.Match(tag, $"""\b{name}="(?<value>[^"]*)""").Groups["value"].Value;

    private static string Text(string html) => WebUtility.HtmlDecode(html);

    [GeneratedRegex("(?<head><form[^>]*>).*?</form>", RegexOptions.Singleline)]
    private static partial Regex Form();

    [GeneratedRegex("""<input[^>]*type="hidden"[^>]*>""")]
    private static partial Regex HiddenInput();
}

/// <param name="Address">The browser's address.</param>
/// <param name="Status">The status of the last response.</param>
/// <param name="Html">The page; empty if a redirect was not followed.</param>
public sealed record Page(Uri Address, HttpStatusCode Status, string Html);
