using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using ScaiGrid.Core.Configuration;

namespace ScaiGrid.Platform.Auth;

/// <summary>The issuer's part of a sign-in: exchanges the authorization code, and reads the user from the result.</summary>
internal sealed partial class IssuerExchange(IssuerHttp http, IssuerTokens tokens, ScaiKeyOptions options, PublicOptions address, ILogger<IssuerExchange> logger)
{
    /// <summary>The URL to which the issuer redirects browsers.</summary>
    public string CallbackUrl => address.Address("/v1/auth/callback");

    /// <returns>Null if the issuer rejects the code, or its answer is not valid for this sign-in.</returns>
    /// <exception cref="IssuerAwayException">The issuer is unavailable.</exception>
    public async Task<IssuerUser?> ExchangeAsync(string code, SignInFlow flow, Issuer issuer, IssuerState state, CancellationToken cancellationToken)
    {
        var answer = await http.SendAsync(TokenRequest(code, flow, state), cancellationToken);
        if (Read(answer) is not { } body || (string?)body["id_token"] is not { } idToken)
        {
            CodeRefused(state.Document.Issuer, (int)answer.Status, ErrorOf(answer));
            return null;
        }

        if (await tokens.ReadIdTokenAsync(idToken, flow.Nonce, issuer, state, cancellationToken) is not { } jwt
            || IssuerTokens.Text(jwt, options.SubjectClaim) is not { } subject)
        {
            IdTokenRefused(state.Document.Issuer);
            return null;
        }

        var user = new IssuerUser(subject, IssuerTokens.Text(jwt, options.EmailClaim), IsVerified(jwt), IssuerTokens.Text(jwt, options.TenantClaim));
        return user.Email is null && Text(body["access_token"]) is { } accessToken && state.Document.UserInfoEndpoint is { Length: > 0 } endpoint
            ? await AskAsync(endpoint, accessToken, user, cancellationToken)
            : user;
    }

    private HttpRequestMessage TokenRequest(string code, SignInFlow flow, IssuerState state) => ClientAuthentication.Request(options, state.Document, new()
    {
        ["grant_type"] = "authorization_code",
        ["code"] = code,
        ["redirect_uri"] = CallbackUrl,
        ["code_verifier"] = flow.Verifier,
    });

    /// <summary>Asks the userinfo endpoint: some issuers return the e-mail address only there.</summary>
    private async Task<IssuerUser> AskAsync(string endpoint, string accessToken, IssuerUser user, CancellationToken cancellationToken)
    {
        if (Read(await http.GetAsync(endpoint, accessToken, cancellationToken)) is not { } info || Text(info[options.SubjectClaim]) != user.Subject)
        {
            return user;
        }

        return user with { Email = Text(info[options.EmailClaim]), IsVerified = IsTrue(info[options.EmailVerifiedClaim]) };
    }

    private bool IsVerified(JsonWebToken jwt) =>
        jwt.TryGetPayloadValue<object>(options.EmailVerifiedClaim, out var verified) && verified is true or "true";

    private static bool IsTrue(JsonNode? node) => node?.GetValueKind() is JsonValueKind.True || Text(node) == "true";

    private static string? Text(JsonNode? node) => node?.GetValueKind() is JsonValueKind.String ? node.GetValue<string>() : null;

    private static JsonObject? Read(IssuerAnswer answer)
    {
        try
        {
            return (int)answer.Status == 200 ? JsonNode.Parse(answer.Text) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The standard's error code, one of a fixed set; nothing else of the answer is logged.</summary>
    private static string ErrorOf(IssuerAnswer answer)
    {
        try
        {
            var error = JsonNode.Parse(answer.Text) is JsonObject body ? Text(body["error"]) : null;
            return error is { Length: <= 40 } && error.All(character => char.IsAsciiLetter(character) || character == '_') ? error : "unknown";
        }
        catch (JsonException)
        {
            return "unknown";
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Issuer {Issuer} rejected a sign-in's authorization code: status {Status}, {Error}.")]
    private partial void CodeRefused(string issuer, int status, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Issuer {Issuer} returned an invalid ID token for a sign-in.")]
    private partial void IdTokenRefused(string issuer);
}

/// <summary>The user who signed in at the issuer.</summary>
/// <param name="Subject">The issuer's id of the user.</param>
/// <param name="Email">Null if the issuer does not return it.</param>
/// <param name="IsVerified">Whether the issuer has verified the address.</param>
/// <param name="Tenant">The tenant named by the token.</param>
internal sealed record IssuerUser(string Subject, string? Email, bool IsVerified, string? Tenant);
