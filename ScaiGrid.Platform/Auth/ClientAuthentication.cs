using System.Net.Http.Headers;
using System.Text;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace ScaiGrid.Platform.Auth;

/// <summary>Authenticates us at the issuer's token endpoint by a method that the issuer supports; the header is preferred, as in the standard.</summary>
internal static class ClientAuthentication
{
    private const string Basic = "client_secret_basic";

    public static HttpRequestMessage Request(ScaiKeyOptions options, OpenIdConnectConfiguration document, Dictionary<string, string> form)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, document.TokenEndpoint);
        var methods = document.TokenEndpointAuthMethodsSupported;
        if (options.ClientSecret is not null && (methods.Count == 0 || methods.Contains(Basic)))
        {
            var credentials = $"{Uri.EscapeDataString(options.ClientId!)}:{Uri.EscapeDataString(options.ClientSecret)}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        }
        else
        {
            form["client_id"] = options.ClientId!;
            if (options.ClientSecret is not null)
            {
                form["client_secret"] = options.ClientSecret;
            }
        }

        request.Content = new FormUrlEncodedContent(form);
        return request;
    }
}
