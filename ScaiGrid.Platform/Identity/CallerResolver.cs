using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Platform.Identity;

/// <summary>Turns what a call carries into its caller, from memory: no database, no Redis, and for an API key no allocation.</summary>
public sealed class CallerResolver
{
    /// <summary>What every API key starts with.</summary>
    public const string KeyPrefix = "sgk_";

    private const int MinKeyLength = 36;
    private const string Scheme = "Bearer ";

    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private static readonly Problem Missing = new(CoreErrors.TokenMissing);
    private static readonly Problem Invalid = new(CoreErrors.TokenInvalid);
    private static readonly Problem Unknowable = new(CoreErrors.Unavailable, "Whether this token is valid cannot be told at the moment; try again.", RetryAfterSeconds: 2);

    private readonly SnapshotStore _snapshots;
    private readonly InternalCallers _internal;
    private readonly TimeProvider _time;
    private readonly bool _authDisabled;

    internal CallerResolver(SnapshotStore snapshots, InternalCallers internalCallers, IdentityOptions options, TimeProvider time) =>
        (_snapshots, _internal, _time, _authDisabled) = (snapshots, internalCallers, time, options.AuthDisabled);

    /// <param name="authorization">The value of the <c>Authorization</c> header or metadata entry; null when there is none.</param>
    /// <param name="caller">Who calls.</param>
    /// <param name="problem">Why that cannot be said.</param>
    public bool TryResolve(string? authorization, [NotNullWhen(true)] out Caller? caller, [NotNullWhen(false)] out Problem? problem)
    {
        if (_authDisabled)
        {
            caller = _internal.SuperAdmin;
            problem = Unknowable;
        }
        else if (string.IsNullOrEmpty(authorization))
        {
            (caller, problem) = (null, Missing);
        }
        else if (!authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            (caller, problem) = (null, Invalid);
        }
        else
        {
            var token = authorization.AsSpan(Scheme.Length).Trim(' ');
            caller = token.StartsWith(KeyPrefix) ? FindKey(token, out problem) : FindService(token, out problem);
        }

        return caller is not null;
    }

    /// <summary>Whether a value of <c>Authorization</c> carries an API key, rather than another kind of token.</summary>
    public static bool IsApiKey(string? authorization) => authorization?.Contains(KeyPrefix, StringComparison.Ordinal) == true;

    /// <summary>Whether text has the form of an API key.</summary>
    internal static bool IsKey(ReadOnlySpan<char> token) =>
        token.Length is >= MinKeyLength and <= ApiKeyHash.MaxKeyLength && token.StartsWith(KeyPrefix) && !token.ContainsAnyExcept(KeyCharacters);

    private Caller? FindKey(ReadOnlySpan<char> key, out Problem problem)
    {
        problem = Invalid;
        if (!IsKey(key))
        {
            return null;
        }

        if (!_snapshots.Current.Keys.TryGetValue(ApiKeyHash.Of(key), out var caller))
        {
            // Nobody who holds a valid key is told that it is not: a snapshot that may be old proves nothing.
            problem = _snapshots.IsStale ? Unknowable : Invalid;
            return null;
        }

        return caller.ExpiresAt <= _time.GetUtcNow() ? null : caller;
    }

    private Caller? FindService(ReadOnlySpan<char> token, out Problem problem)
    {
        problem = _internal.TryFind(token, out var caller) ? Unknowable : Invalid;
        return caller;
    }
}
