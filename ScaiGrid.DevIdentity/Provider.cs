using System.Security.Claims;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using static OpenIddict.Abstractions.OpenIddictConstants;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace ScaiGrid.DevIdentity;

/// <summary>
/// An OpenID Connect provider on OpenIddict, without a database: authorization code with PKCE, refresh tokens, one client. Its keys exist
/// only as long as its process.
/// </summary>
internal static class Provider
{
    private const string AuthorizePath = "authorize";
    private const string TokenPath = "token";
    private const string UserInfoPath = "userinfo";

    public static void AddProvider(this WebApplicationBuilder builder, DevClient client)
    {
        builder.Services.AddOpenIddict().AddServer(server =>
        {
            server.SetIssuer(client.Issuer);
            server.SetAuthorizationEndpointUris(AuthorizePath).SetTokenEndpointUris(TokenPath).SetUserInfoEndpointUris(UserInfoPath);
            server.AllowAuthorizationCodeFlow().AllowRefreshTokenFlow().RequireProofKeyForCodeExchange();
            server.RegisterScopes(Scopes.Email, Scopes.Profile, Scopes.OfflineAccess);
            server.AddEphemeralEncryptionKey().AddEphemeralSigningKey();

            // Resource servers validate access tokens with the published keys, as they do ScaiKey's.
            server.DisableAccessTokenEncryption();

            // No stores: the one client is checked here, and codes and refresh tokens contain their data.
            server.EnableDegradedMode();
            server.AddEventHandler<ValidateAuthorizationRequestContext>(handler => handler.UseInlineHandler(context =>
            {
                if (context.ClientId != client.Id)
                {
                    context.Reject(Errors.InvalidClient, "There is no such client.");
                }
                else if (context.RedirectUri != client.RedirectUri)
                {
                    context.Reject(Errors.InvalidRequest, $"The redirect_uri must be {client.RedirectUri}.");
                }

                return default;
            }));
            server.AddEventHandler<ValidateTokenRequestContext>(handler => handler.UseInlineHandler(context =>
            {
                if (context.ClientId != client.Id || context.ClientSecret != client.Secret)
                {
                    context.Reject(Errors.InvalidClient, "The client or its secret is wrong.");
                }

                return default;
            }));
            server.AddEventHandler<HandleUserInfoRequestContext>(handler => handler.UseInlineHandler(context =>
            {
                if (People.Find(context.AccessTokenPrincipal?.GetClaim(Claims.Subject)) is { } person)
                {
                    (context.Email, context.EmailVerified) = (person.Email, true);
                }

                return default;
            }));
            server.UseAspNetCore().EnableAuthorizationEndpointPassthrough().EnableTokenEndpointPassthrough().DisableTransportSecurityRequirement();
        });
    }

    public static void MapProvider(this WebApplication app, DevClient client)
    {
        app.MapGet($"/{AuthorizePath}", (HttpContext context) => SignInPage.Show(context.Request.Query, context.GetOpenIddictServerRequest()?.LoginHint));
        app.MapPost($"/{AuthorizePath}", async (HttpContext context) =>
        {
            var form = await context.Request.ReadFormAsync(context.RequestAborted);
            return People.Find(form[SignInPage.Field]) is { } person
                ? SignIn(person, context.GetOpenIddictServerRequest()!.GetScopes(), client)
                : Results.BadRequest("There is no such person.");
        });
        app.MapPost($"/{TokenPath}", async (HttpContext context) =>
        {
            var known = await context.AuthenticateAsync(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
            return People.Find(known.Principal?.GetClaim(Claims.Subject)) is { } person
                ? SignIn(person, known.Principal!.GetScopes(), client)
                : Results.Forbid(authenticationSchemes: [OpenIddictServerAspNetCoreDefaults.AuthenticationScheme]);
        });
    }

    private static IResult SignIn(Person person, IEnumerable<string> scopes, DevClient client)
    {
        var identity = new ClaimsIdentity(OpenIddictServerAspNetCoreDefaults.AuthenticationScheme, Claims.Name, Claims.Role);
        identity.SetClaim(Claims.Subject, person.Subject)
            .SetClaim(Claims.Email, person.Email)
            .SetClaim(Claims.EmailVerified, true)
            .SetClaim(Claims.Name, person.Name);
        identity.SetScopes(scopes);
        identity.SetResources(client.Audience);
        identity.SetDestinations(static _ => [Destinations.IdentityToken, Destinations.AccessToken]);
        return Results.SignIn(new ClaimsPrincipal(identity), authenticationScheme: OpenIddictServerAspNetCoreDefaults.AuthenticationScheme);
    }
}

/// <summary>The settings that ScaiGrid, the one client, and this provider must share.</summary>
/// <param name="Issuer">This provider's address.</param>
/// <param name="Id">SCAIGRID_SCAIKEY_CLIENT_ID.</param>
/// <param name="Secret">SCAIGRID_SCAIKEY_CLIENT_SECRET.</param>
/// <param name="Audience">SCAIGRID_SCAIKEY_AUDIENCE.</param>
/// <param name="RedirectUri">ScaiGrid's callback.</param>
internal sealed record DevClient(Uri Issuer, string Id, string Secret, string Audience, string RedirectUri);
