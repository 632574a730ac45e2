namespace ScaiGrid.AppHost.Local;

/// <summary>The text that is shown when everything is running: addresses, the API key, and a curl line to paste.</summary>
internal static class Banner
{
    /// <param name="data">The folder with the state.</param>
    /// <param name="ports">The ports of the modes.</param>
    /// <param name="key">The first API key; null if the database was set up elsewhere and does not know it.</param>
    public static string Text(DataDirectory data, Ports ports, string? key)
    {
        var api = LocalEnvironment.Url(ports[ModeGraph.Http]);
        return $$"""

            ScaiGrid is ready. Ctrl-C stops it; its state stays in {{data.Path}}

              API            {{api}}
              Documentation  {{api}}/docs
              Metrics        {{api}}/metrics
              gRPC           {{LocalEnvironment.Url(ports[ModeGraph.Grpc])}}
              Storage proxy  {{LocalEnvironment.Url(ports[ModeGraph.BunkerProxy])}}
              API key        {{key ?? "one that the database already has; it does not know this folder's"}}{{SignIn(ports)}}

            Try it:

            curl -s {{api}}/v1/inference/chat -H 'Authorization: Bearer {{key ?? "API_KEY"}}' -H 'Content-Type: application/json' -d '{"model":"scailabs/echo","messages":[{"role":"user","content":"Hello"}]}'

            """;
    }

    private static string SignIn(Ports ports) => LocalEnvironment.UsesDevIdentity
        ? $"\n  Sign-in        http://localhost:{ports[ModeGraph.DevIdentity]}, as {DevDirectory.Examples}; see README"
        : "";
}
