using System.Net;

namespace ScaiGrid.AppHost.Local;

/// <summary>Determines the first API key: the given one until the database was created, then the one that it was created with.</summary>
internal static class BootstrapKey
{
    public static Secrets Settle(DataDirectory data, Lines lines)
    {
        var given = LocalEnvironment.UserValue(NeedVariables.BootstrapApiKey);
        if (given is not null && !Secrets.IsApiKey(given))
        {
            throw new StartException(
                $"{NeedVariables.BootstrapApiKey}: must be sgk_ followed by 32 to 200 characters of A-Z a-z 0-9 _ and -.",
                StartException.ConfigurationExitCode);
        }

        var stored = Secrets.Read(data.SecretsFile);
        if (stored is { Bootstrapped: true })
        {
            if (given is not null && given != stored.BootstrapApiKey)
            {
                lines.Write(Lines.AppHost, $"{NeedVariables.BootstrapApiKey} is ignored: {data.Path} was set up with another key, which goes on working: {stored.BootstrapApiKey}");
            }

            return stored;
        }

        var secrets = stored ?? Secrets.Generate();
        secrets = secrets with { BootstrapApiKey = given ?? secrets.BootstrapApiKey };
        secrets.Write(data.SecretsFile);
        return secrets;
    }

    /// <summary>Asks the API. A database of the user's own may have been set up with another key.</summary>
    public static async Task<bool> IsKnownAsync(string key, int port, CancellationToken cancellationToken)
    {
        using var api = LocalEnvironment.Client(port, key);
        try
        {
            using var response = await api.GetAsync(new Uri("/v1/me", UriKind.Relative), cancellationToken);
            return response.StatusCode != HttpStatusCode.Unauthorized;
        }
        catch (Exception exception) when (exception is HttpRequestException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // Not the key's fault.
            return true;
        }
    }
}
