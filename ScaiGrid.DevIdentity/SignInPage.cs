using System.Net;
using System.Text;

namespace ScaiGrid.DevIdentity;

/// <summary>The page on which a developer chooses a user. There are no passwords: anyone who reaches the page may sign in as anyone.</summary>
internal static class SignInPage
{
    public const string Field = "sign_in_as";

    /// <param name="query">The authorization request, which the form submits again.</param>
    /// <param name="hint">The login hint of the application; its user is listed first.</param>
    public static IResult Show(IQueryCollection query, string? hint)
    {
        var page = new StringBuilder("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in (development)</title>")
            .Append("<style>body{font:16px system-ui;max-width:30em;margin:3em auto}button{font:inherit;width:100%;margin:.2em 0;padding:.5em;text-align:left}</style>")
            .Append("<h1>Sign in</h1><p>The development provider: choose who to be.</p><form method=\"post\" action=\"authorize\">");
        foreach (var (name, value) in query)
        {
            page.Append($"<input type=\"hidden\" name=\"{Html(name)}\" value=\"{Html(value.ToString())}\">");
        }

        foreach (var person in People.All.OrderByDescending(person => person.Email == hint))
        {
            page.Append($"<button name=\"{Field}\" value=\"{Html(person.Subject)}\">{Html(person.Email)}</button>");
        }

        return Results.Content(page.Append("</form></html>").ToString(), "text/html; charset=utf-8");
    }

    private static string Html(string text) => WebUtility.HtmlEncode(text);
}
