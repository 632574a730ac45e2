using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Identity;

/// <summary>
/// Resolves credentials to their caller, from memory: no database, no Redis, and for an API key no allocation. Only unknown keys of the token
/// issuer are fetched.
/// </summary>
public sealed partial class CallerResolver
{
    /// <summary>The prefix of all API keys.</summary>
    public const string KeyPrefix = "sgk_";

    private const int MinKeyLength = 36;
    private const string Scheme = "Bearer ";

    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private static readonly Problem Missing = new(CoreErrors.TokenMissing);
    private static readonly Problem Schemeless = new(CoreErrors.TokenInvalid, "The scheme of Authorization must be Bearer: send an API key or token as 'Authorization: Bearer …'.");
    private static readonly Problem Invalid = new(CoreErrors.TokenInvalid);
    private static readonly Problem Unknowable = new(CoreErrors.Unavailable, "Whether this token is valid cannot be told at the moment; try again.", RetryAfterSeconds: 2);

    private readonly SnapshotStore _snapshots;
    private readonly InternalCallers _internal;
    private readonly TokenCallers _tokens;
    private readonly TimeProvider _time;
    private readonly bool _authDisabled;

    internal CallerResolver(
        SnapshotStore snapshots, InternalCallers internalCallers, TokenCallers tokens, IdentityOptions options, TimeProvider time, ILogger<CallerResolver> logger)
    {
        (_snapshots, _internal, _tokens, _time, _authDisabled) = (snapshots, internalCallers, tokens, time, options.AuthDisabled);
        if (_authDisabled)
        {
            AuthenticationIsOff(logger);
        }
    }

    /// <param name="authorization">The value of the <c>Authorization</c> header or metadata entry; null if there is none.</param>
    /// <param name="cancellationToken">The call's token.</param>
    public ValueTask<Resolution> ResolveAsync(string? authorization, CancellationToken cancellationToken)
    {
        if (_authDisabled)
        {
            return new(_internal.SuperAdmin is { } admin ? new Resolution(admin) : new Resolution(Unknowable));
        }

        if (string.IsNullOrEmpty(authorization))
        {
            return new(new Resolution(Missing));
        }

        if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return new(new Resolution(Schemeless));
        }

        var token = authorization.AsSpan(Scheme.Length).Trim(' ');
        return token.StartsWith(KeyPrefix) ? new(FindKey(token))
            : TokenCallers.IsToken(token) ? _tokens.ResolveAsync(token.ToString(), cancellationToken)
            : new(FindService(token));
    }

    /// <summary>Whether a value of <c>Authorization</c> can only be a service token.</summary>
    public static bool IsServiceToken(string? authorization) =>
        authorization is not null
        && !authorization.Contains(KeyPrefix, StringComparison.Ordinal)
        && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
        && !TokenCallers.IsToken(authorization.AsSpan(Scheme.Length).Trim(' '));

    /// <summary>Whether a text has the form of an API key.</summary>
    internal static bool IsKey(ReadOnlySpan<char> token) =>
        token.Length is >= MinKeyLength and <= ApiKeyHash.MaxKeyLength && token.StartsWith(KeyPrefix) && !token.ContainsAnyExcept(KeyCharacters);

    private Resolution FindKey(ReadOnlySpan<char> key)
    {
        if (!IsKey(key))
        {
            return new Resolution(Invalid);
        }

        if (!_snapshots.Current.Keys.TryGetValue(ApiKeyHash.Of(key), out var caller))
        {
            // A stale snapshot does not prove that a key is invalid.
            return new Resolution(_snapshots.IsStale ? Unknowable : Invalid);
        }

        if (caller.ExpiresAt <= _time.GetUtcNow())
        {
            return new Resolution(Invalid);
        }

        caller.Credential?.Use();
        return new Resolution(caller);
    }

    private Resolution FindService(ReadOnlySpan<char> token) =>
        !_internal.TryFind(token, out var caller) ? new Resolution(Invalid)
        : caller is null ? new Resolution(Unknowable)
        : new Resolution(caller);

    [LoggerMessage(Level = LogLevel.Warning, Message = "SCAIGRID_AUTH_DISABLED is set: everyone who can reach this process is a super admin.")]
    private static partial void AuthenticationIsOff(ILogger logger);
}

/// <summary>Either the caller, or the problem because of which there is none.</summary>
public readonly record struct Resolution
{
    public Resolution(Caller caller) => Caller = caller;

    public Resolution(Problem problem) => Problem = problem;

    public Caller? Caller { get; }

    public Problem? Problem { get; }

    /// <returns>Whether there is a caller.</returns>
    public bool Is([NotNullWhen(true)] out Caller? caller, [NotNullWhen(false)] out Problem? problem)
    {
        (caller, problem) = (Caller, Problem);
        return caller is not null;
    }
}
