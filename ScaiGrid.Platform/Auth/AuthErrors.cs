using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Auth;

/// <summary>Errors of sign-in and of the issuer's tokens.</summary>
internal static class AuthErrors
{
    public static readonly Error FlowInvalid = new("AUTH_FLOW_INVALID", 401, "The sign-in is unknown, used up or older than ten minutes; start again.");
    public static readonly Error IdentityNotFound = new("AUTH_IDENTITY_NOT_FOUND", 404, "There is no account for that email address.");
    public static readonly Error SessionExpired = new("SESSION_EXPIRED", 401, "The session has ended, or its access token has: refresh it, or sign in again.");
    public static readonly Error InsufficientScope = new("AUTH_INSUFFICIENT_SCOPE", 403, "The token lacks a scope that this installation asks for.");

    public static readonly Error TooManyAttempts = CoreErrors.RateLimited with { Message = "Too many attempts from this address; wait a minute." };
    public static readonly Error NoSession = CoreErrors.Conflict with { Message = "Only a session can be logged out: revoke an API key instead; a token of the issuer expires by itself." };
    public static readonly Error NoSignIn = CoreErrors.NotFound with { Message = "This installation has no identity provider: use an API key." };

    public static readonly Error NoWebhookSecret = CoreErrors.Unavailable with { Message = "No secret is set for the webhooks of ScaiKey (SCAIGRID_SCAIKEY_WEBHOOK_SECRET)." };
    public static readonly Error WebhookRefused = CoreErrors.BadRequest with { Message = "The signature is missing, wrong, or older than five minutes." };

    /// <summary>A token cannot be verified while the keys of its issuer cannot be fetched.</summary>
    public static readonly Problem IssuerAway = new(CoreErrors.Unavailable, "The identity provider is unavailable; try again.", RetryAfterSeconds: 5);
}
