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
}
