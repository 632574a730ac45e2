using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Redis;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth;

/// <summary>Sign-in through the identity provider, and the resulting session. <c>GET /v1/auth/me</c> describes the caller.</summary>
internal static class AuthEndpoints
{
    public static void MapAuth(this IEndpointRouteBuilder endpoints)
    {
        object[] refusals = [new CountsStrangers(), endpoints.ServiceProvider.GetRequiredService<RefusedStrangers>()];
        var group = endpoints.MapGroup("/auth").AddEndpointFilter(AnswerWithoutIssuer);
        group.MapPost("/identify", Identify).AllowAnonymous().WithMetadata(refusals).Audited("auth.identify", "auth")
            .WithName("Identify").WithSummary("The tenants in which an address has an account.");
        group.MapPost("/authorize", Authorize).AllowAnonymous().WithMetadata(refusals).Audited("auth.authorize", "auth")
            .WithName("Authorize").WithSummary("Starts a sign-in: where to send the browser.");
        group.MapGet("/callback", Callback).AllowAnonymous().WithMetadata(refusals)
            .WithName("AuthCallback").WithSummary("The browser comes back from the identity provider, and is sent on with a code.").Produces(StatusCodes.Status302Found);
        group.MapPost("/token", Token).AllowAnonymous().WithMetadata(refusals).Audited("session.create", "session")
            .WithName("GetToken").WithSummary("Exchanges the code for an access token and a refresh token.");
        group.MapPost("/refresh", Refresh).AllowAnonymous().WithMetadata(refusals).Audited("session.refresh", "session")
            .WithName("RefreshToken").WithSummary("Exchanges a refresh token, once, for new tokens. A used one ends the session.");
        group.MapPost("/logout", Logout).RequireCaller("Everybody may end their own session.").Audited("session.end", "session")
            .WithName("Logout").WithSummary("Ends the caller's session: its tokens are dead at once.");
    }

    private static async Task<Results<Ok<Envelope<IdentifyView>>, ProblemResult>> Identify(
        IdentifyBody body, HttpContext context, ClientAddress client, AttemptLimit limit, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await limit.CountAsync("identify", client.Of(context)) is { } problem)
        {
            return new ProblemResult(problem);
        }

        var checks = new Checks();
        var email = checks.Required("email", body.Email, Emails.MaxLength);
        checks.ThrowIfAny();
        var tenants = await TenantsOf(email, db).OrderBy(tenant => tenant.Slug).ToListAsync(cancellationToken);
        return Reply.Ok(new IdentifyView(tenants.Count > 0, [.. tenants.Select(tenant => new IdentifyTenant(tenant.Id, tenant.Slug, tenant.DisplayName))]));
    }

    private static async Task<Results<Ok<Envelope<AuthorizeView>>, ProblemResult>> Authorize(
        AuthorizeBody body,
        HttpContext context,
        ClientAddress client,
        AttemptLimit limit,
        SignIn signIn,
        ScaiKeyOptions issuer,
        SignInOptions options,
        PlatformDb db,
        CancellationToken cancellationToken)
    {
        if (!issuer.OffersSignIn)
        {
            return Reply.Problem(AuthErrors.NoSignIn);
        }

        // Reveals as much about an e-mail address as identify does.
        if (await limit.CountAsync("authorize", client.Of(context)) is { } problem)
        {
            return new ProblemResult(problem);
        }

        var request = body.Check(options);
        var tenant = await TenantsOf(request.Email, db).SingleOrDefaultAsync(tenant => tenant.Id == body.TenantId, cancellationToken);
        if (tenant is null)
        {
            return Reply.Problem(AuthErrors.IdentityNotFound);
        }

        var (url, flowId) = await signIn.StartAsync(tenant.Id, request, cancellationToken);
        return Reply.Ok(new AuthorizeView(url, flowId));
    }

    private static async Task<Results<RedirectHttpResult, ProblemResult>> Callback(
        string? state, string? code, string? error, string? iss, HttpContext context, SignIn signIn, CancellationToken cancellationToken)
    {
        NeverKeep(context);
        if (state is null || await signIn.TakeFlowAsync(state) is not { } flow)
        {
            return Reply.Problem(AuthErrors.FlowInvalid);
        }

        // From here on the redirect URI is known to be on the allow-list, so errors are reported to the application.
        var ours = code is null ? null : await signIn.ContinueAsync(flow, code, iss, cancellationToken);
        var answer = new Dictionary<string, string?> { ["state"] = flow.State };
        if (ours is null)
        {
            answer["error"] = code is null && error is "access_denied" or "login_required" or "consent_required" or "interaction_required" ? error : "access_denied";
        }
        else
        {
            answer["code"] = ours;
        }

        return TypedResults.Redirect(QueryHelpers.AddQueryString(flow.RedirectUri, answer));
    }

    private static async Task<Results<Ok<Envelope<TokenView>>, ProblemResult>> Token(
        TokenBody body, HttpContext context, ClientAddress client, SignIn signIn, Sessions sessions, AuditEntry? audit, CancellationToken cancellationToken)
    {
        NeverKeep(context);
        var checks = new Checks();
        checks.RequiredOneOf("grant_type", body.GrantType, "authorization_code");
        var code = checks.Required("code", body.Code, AuthorizeBody.MaxText);
        var verifier = checks.Required("code_verifier", body.CodeVerifier, AuthorizeBody.MaxText);
        var redirectUri = checks.Required("redirect_uri", body.RedirectUri, AuthorizeBody.MaxText);
        checks.ThrowIfAny();
        if (await signIn.RedeemAsync(code, verifier, redirectUri) is not { } redeemed)
        {
            return Reply.Problem(AuthErrors.FlowInvalid);
        }

        var userAgent = context.Request.Headers.UserAgent.ToString();
        return Reply.Ok(await sessions.BeginAsync(redeemed.TenantId, redeemed.UserId, client.Of(context)?.ToString(), userAgent, audit, cancellationToken));
    }

    private static async Task<Results<Ok<Envelope<TokenView>>, ProblemResult>> Refresh(
        RefreshBody body, HttpContext context, Sessions sessions, AuditEntry? audit, CancellationToken cancellationToken)
    {
        NeverKeep(context);
        var checks = new Checks();
        var token = checks.Required("refresh_token", body.RefreshToken, AuthorizeBody.MaxText);
        checks.ThrowIfAny();
        var (tokens, problem) = await sessions.RefreshAsync(token, audit, cancellationToken);
        return tokens is null ? new ProblemResult(problem!) : Reply.Ok(tokens);
    }

    private static async Task<Results<NoContent, ProblemResult>> Logout(
        Caller caller, Sessions sessions, AuditEntry? audit, CancellationToken cancellationToken)
    {
        if (caller.SessionId is null)
        {
            return Reply.Problem(AuthErrors.NoSession);
        }

        audit?.ResourceId = caller.SessionId;
        await sessions.EndAsync(caller.SessionId, cancellationToken);
        return TypedResults.NoContent();
    }

    private static IQueryable<Tenant> TenantsOf(string email, PlatformDb db)
    {
        var normal = Emails.Normalize(email);
        return from user in db.Users.AsNoTracking()
               where user.Email == normal && user.Status == UserStatus.Active
               join tenant in db.Tenants.AsNoTracking() on user.TenantId equals tenant.Id
               where tenant.Status == TenantStatus.Active
               select tenant;
    }

    private static void NeverKeep(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";

        // The URL contains a code, which must not be sent to others.
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
    }

    private static async ValueTask<object?> AnswerWithoutIssuer(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (IssuerAwayException)
        {
            return new ProblemResult(AuthErrors.IssuerAway);
        }
        catch (Exception exception) when (RedisAway.Is(exception, context.HttpContext.RequestAborted))
        {
            return new ProblemResult(new Problem(CoreErrors.Unavailable, "Redis is unavailable; try again.", RetryAfterSeconds: 5));
        }
    }
}

/// <param name="Email">The e-mail address of a user.</param>
public sealed record IdentifyBody(string? Email);

/// <param name="Email">The e-mail address of the user who signs in.</param>
/// <param name="TenantId">One of the tenants returned by identify.</param>
/// <param name="CodeChallenge">SHA-256 of the code verifier, base64url.</param>
/// <param name="CodeChallengeMethod">S256.</param>
/// <param name="RedirectUri">The URL to which the browser is sent in the end, on the allow-list.</param>
/// <param name="State">Returned to the application unchanged.</param>
public sealed record AuthorizeBody(string? Email, string? TenantId, string? CodeChallenge, string? CodeChallengeMethod, string? RedirectUri, string? State)
{
    internal const int MaxText = 2048;

    private const int ChallengeLength = 43;

    internal SignInRequest Check(SignInOptions options)
    {
        var checks = new Checks();
        var email = checks.Required("email", Email, Emails.MaxLength);
        checks.Required("tenant_id", TenantId, Core.Ids.MaxLength);
        var challenge = checks.Required("code_challenge", CodeChallenge, MaxText);
        if (challenge.Length != ChallengeLength || !challenge.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_'))
        {
            checks.Add("code_challenge", "must be the SHA-256 of the verifier, base64url, 43 characters.");
        }

        // Without PKCE an intercepted code could be used by others: no other method, and no default.
        checks.RequiredOneOf("code_challenge_method", CodeChallengeMethod, "S256");
        var redirectUri = checks.Required("redirect_uri", RedirectUri, MaxText);
        if (!options.RedirectUris.Contains(redirectUri, StringComparer.Ordinal))
        {
            checks.Add("redirect_uri", "is not on the allow-list, SCAIGRID_AUTH_REDIRECT_URIS.");
        }

        var state = checks.Required("state", State, MaxText);
        checks.ThrowIfAny();
        return new SignInRequest(email, challenge, redirectUri, state);
    }
}

/// <param name="GrantType">authorization_code.</param>
/// <param name="Code">The code from the redirect.</param>
/// <param name="CodeVerifier">The verifier whose hash was the challenge.</param>
/// <param name="RedirectUri">The same as in authorize.</param>
public sealed record TokenBody(string? GrantType, string? Code, string? CodeVerifier, string? RedirectUri);

/// <param name="RefreshToken">The session's latest refresh token.</param>
public sealed record RefreshBody(string? RefreshToken);

internal sealed record IdentifyView(bool UserExists, IReadOnlyList<IdentifyTenant> Tenants);

internal sealed record IdentifyTenant(string Id, string Slug, string DisplayName);

internal sealed record AuthorizeView(string AuthorizeUrl, string FlowId);
