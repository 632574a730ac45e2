using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// One issuer: its discovery document and keys. Callers use the loaded ones, for up to a day, while one load in the background renews them. Only
/// a caller for whom there is no key waits for a load. Unknown keys cause at most one a minute, however many tokens name one.
/// </summary>
internal sealed partial class Issuer(
    IReadOnlyList<IssuerAddress> addresses, ScaiKeyOptions options, IssuerHttp http, TimeProvider time, ILogger<Issuer> logger)
{
    private static readonly TimeSpan UselessAfter = TimeSpan.FromDays(1);
    private static readonly TimeSpan UnknownKeyPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RenewalPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FirstLoadPause = TimeSpan.FromSeconds(5);

    /// <summary>How long a caller waits for a load, which itself may take three HTTP calls.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>How long a load of keys that nobody has used for long may keep callers waiting.</summary>
    private static readonly TimeSpan IdlePatience = TimeSpan.FromSeconds(2);

    private readonly TimeSpan _renewAfter = options.KeysRenewInterval;
    private readonly Lock _gate = new();
    private volatile IssuerState? _state;
    private Load? _load;
    private long? _soughtKeyAt;
    private long? _failedAt;

    /// <summary>The document and keys, from memory except for the first call.</summary>
    /// <exception cref="IssuerAwayException">Nothing is in memory, and the issuer is unavailable.</exception>
    public async ValueTask<IssuerState> GetAsync(CancellationToken cancellationToken)
    {
        if (_state is not { } known || !IsUseful(known))
        {
            return await ResultAsync(Join(FirstLoadPause), Patience, cancellationToken) ?? throw new IssuerAwayException("It has not answered yet.");
        }

        if (time.GetElapsedTime(known.LoadedAt) < _renewAfter || Join(RenewalPause) is not { } load)
        {
            return known;
        }

        // Without calls nothing was renewed, and the issuer may have withdrawn a key long ago. If it does not answer, that is no reason to wait.
        var wait = IdlePatience - time.GetElapsedTime(load.StartedAt);
        return load.FollowsSuccess && wait > TimeSpan.Zero && time.GetElapsedTime(known.LoadedAt) > 2 * _renewAfter
            ? await ResultAsync(load, wait, cancellationToken) ?? known
            : known;
    }

    /// <summary>Reloads because a key is not in <paramref name="seen"/>.</summary>
    /// <returns>The current state.</returns>
    /// <exception cref="IssuerAwayException">The issuer is unavailable: the key may be a new one.</exception>
    public async ValueTask<IssuerState> SeekKeyAsync(IssuerState seen, CancellationToken cancellationToken)
    {
        Load? load;
        lock (_gate)
        {
            if (_state is { } state && !ReferenceEquals(state, seen))
            {
                return state;
            }

            if (_load is not { Result.IsCompleted: false } && _soughtKeyAt is { } sought && time.GetElapsedTime(sought) < UnknownKeyPause
                && !HasJustFailed(RenewalPause))
            {
                return seen;
            }

            var before = _load;
            load = Join(RenewalPause);
            if (load is not null && !ReferenceEquals(load, before))
            {
                _soughtKeyAt = time.GetTimestamp();
            }
        }

        return await ResultAsync(load, Patience, cancellationToken) ?? throw new IssuerAwayException("Its keys cannot be fetched.");
    }

    private bool IsUseful(IssuerState state) => time.GetElapsedTime(state.LoadedAt) < UselessAfter;

    private bool HasJustFailed(TimeSpan pause) => _failedAt is { } failed && time.GetElapsedTime(failed) < pause;

    /// <summary>The load that is running, or a new one.</summary>
    /// <returns>Null if the last one failed within <paramref name="pause"/>.</returns>
    private Load? Join(TimeSpan pause)
    {
        lock (_gate)
        {
            return _load is { Result.IsCompleted: false } running ? running
                : HasJustFailed(pause) ? null
                : _load = new Load(LoadAsync(), time.GetTimestamp(), FollowsSuccess: _failedAt is null);
        }
    }

    /// <returns>Null if there is no load, or it has no result in time.</returns>
    private async Task<IssuerState?> ResultAsync(Load? load, TimeSpan patience, CancellationToken cancellationToken)
    {
        try
        {
            return load is null ? null : await load.Result.WaitAsync(patience, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <returns>Null if loading fails, which is logged.</returns>
    private async Task<IssuerState?> LoadAsync()
    {
        // The caller that starts a load must not do its work.
        await Task.Yield();

        // Not the caller's token: other calls wait for the same result. The HTTP calls have their own timeout.
        try
        {
            var (address, document) = await DiscoverAsync(CancellationToken.None);
            var keys = await http.GetAsync(document.JwksUri, bearer: null, CancellationToken.None);
            if (keys.Status != HttpStatusCode.OK)
            {
                throw new IssuerAwayException($"Its keys: status {(int)keys.Status}.");
            }

            var state = new IssuerState(address, document, [.. new JsonWebKeySet(keys.Text).GetSigningKeys()], time.GetTimestamp());
            lock (_gate)
            {
                (_state, _failedAt) = (state, null);
            }

            IssuerLoaded(document.Issuer, state.Keys.Count);
            return state;
        }
        catch (Exception exception)
        {
            // Of any kind: what an unexpected document causes would otherwise start a load with each call.
            lock (_gate)
            {
                _failedAt = time.GetTimestamp();
            }

            IssuerNotLoaded(addresses[0].Issuer, exception.Message);
            return null;
        }
    }

    private async Task<(IssuerAddress Address, OpenIdConnectConfiguration Document)> DiscoverAsync(CancellationToken cancellationToken)
    {
        foreach (var address in addresses)
        {
            var answer = await http.GetAsync(address.Discovery, bearer: null, cancellationToken);
            if (answer.Status != HttpStatusCode.OK)
            {
                continue;
            }

            var document = OpenIdConnectConfiguration.Create(answer.Text);
            if (!address.Vouches(document))
            {
                throw new IssuerAwayException($"{address.Discovery} is the document of another issuer, '{document.Issuer}'.");
            }

            return (address, document);
        }

        throw new IssuerAwayException($"No discovery document at {string.Join(" or ", addresses.Select(address => address.Discovery))}.");
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Keys} keys of issuer {Issuer} are in use.")]
    private partial void IssuerLoaded(string issuer, int keys);

    [LoggerMessage(Level = LogLevel.Error, Message = "Issuer {Issuer} cannot be loaded. {Reason}")]
    private partial void IssuerNotLoaded(string issuer, string reason);

    /// <param name="Result">Null if it fails.</param>
    /// <param name="StartedAt">Timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <param name="FollowsSuccess">Whether the load before it did not fail.</param>
    private sealed record Load(Task<IssuerState?> Result, long StartedAt, bool FollowsSuccess);
}
