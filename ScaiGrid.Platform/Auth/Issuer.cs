using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// One issuer: its discovery document and keys, reloaded every hour, and because of an unknown key at most once a minute, however many
/// tokens name one. While the issuer is unavailable, the loaded ones are used for up to a day.
/// </summary>
internal sealed partial class Issuer(IReadOnlyList<IssuerAddress> addresses, IssuerHttp http, TimeProvider time, ILogger<Issuer> logger) : IDisposable
{
    private static readonly TimeSpan RenewAfter = TimeSpan.FromHours(1);
    private static readonly TimeSpan UselessAfter = TimeSpan.FromDays(1);
    private static readonly TimeSpan UnknownKeyPause = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FailurePause = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _loading = new(1);
    private volatile IssuerState? _state;
    private long? _soughtKeyAt;
    private long? _failedAt;

    /// <summary>The document and keys, from memory except for the first call and one per hour.</summary>
    /// <exception cref="IssuerAwayException">Nothing is in memory, and the issuer is unavailable.</exception>
    public async ValueTask<IssuerState> GetAsync(CancellationToken cancellationToken)
    {
        if (_state is { } state && time.GetElapsedTime(state.LoadedAt) < RenewAfter)
        {
            return state;
        }

        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (_state is { } known && (time.GetElapsedTime(known.LoadedAt) < RenewAfter || HasJustFailed()))
            {
                return StillGood(known);
            }

            return await LoadAsync() ?? StillGood(_state);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>Reloads because a key is not in <paramref name="seen"/>.</summary>
    /// <returns>The current state.</returns>
    /// <exception cref="IssuerAwayException">The issuer is unavailable: the key may be a new one.</exception>
    public async ValueTask<IssuerState> SeekKeyAsync(IssuerState seen, CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (_state is { } state && !ReferenceEquals(state, seen))
            {
                return state;
            }

            if (_soughtKeyAt is { } sought && time.GetElapsedTime(sought) < UnknownKeyPause)
            {
                return HasJustFailed(UnknownKeyPause) ? throw new IssuerAwayException("The last attempt to fetch its keys failed.") : seen;
            }

            _soughtKeyAt = time.GetTimestamp();
            return await LoadAsync() ?? throw new IssuerAwayException("Its keys cannot be fetched.");
        }
        finally
        {
            _loading.Release();
        }
    }

    public void Dispose() => _loading.Dispose();

    private bool HasJustFailed() => HasJustFailed(FailurePause);

    private bool HasJustFailed(TimeSpan pause) => _failedAt is { } failed && time.GetElapsedTime(failed) < pause;

    private IssuerState StillGood(IssuerState? state) =>
        state is not null && time.GetElapsedTime(state.LoadedAt) < UselessAfter ? state : throw new IssuerAwayException("It has not answered yet.");

    /// <returns>Null if loading fails, which is logged, and not repeated for some seconds.</returns>
    private async Task<IssuerState?> LoadAsync()
    {
        if (HasJustFailed())
        {
            return null;
        }

        // Not the caller's token: other calls wait for the same result. The HTTP calls have their own timeout.
        try
        {
            var (address, document) = await DiscoverAsync(CancellationToken.None);
            var keys = await http.GetAsync(document.JwksUri, bearer: null, CancellationToken.None);
            if (keys.Status != HttpStatusCode.OK)
            {
                throw new IssuerAwayException($"Its keys: status {(int)keys.Status}.");
            }

            _state = new IssuerState(address, document, [.. new JsonWebKeySet(keys.Text).GetSigningKeys()], time.GetTimestamp());
            _failedAt = null;
            IssuerLoaded(document.Issuer, _state.Keys.Count);
            return _state;
        }
        catch (Exception exception) when (exception is IssuerAwayException or JsonException or ArgumentException or InvalidOperationException)
        {
            _failedAt = time.GetTimestamp();
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
}
