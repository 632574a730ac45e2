namespace ScaiGrid.AppHost.Local;

/// <summary>The text that is shown when everything is running: addresses, the API key, and a curl line to paste.</summary>
internal static class Banner
{
    public static string Text(DataDirectory data, Ports ports, Secrets secrets)
    {
        var api = LocalEnvironment.Url(ports[ModeGraph.Http]);
        return $$"""

            ScaiGrid is ready. Ctrl-C stops it; its state stays in {{data.Path}}

              API            {{api}}
              Documentation  {{api}}/docs
              Metrics        {{api}}/metrics
              gRPC           {{LocalEnvironment.Url(ports[ModeGraph.Grpc])}}
              Storage proxy  {{LocalEnvironment.Url(ports[ModeGraph.BunkerProxy])}}
              API key        {{secrets.BootstrapApiKey}}{{SignIn(ports)}}

            Try it:

            curl -s {{api}}/v1/inference/chat -H 'Authorization: Bearer {{secrets.BootstrapApiKey}}' -H 'Content-Type: application/json' -d '{"model":"scailabs/echo","messages":[{"role":"user","content":"Hello"}]}'

            """;
    }

    private static string SignIn(Ports ports) => LocalEnvironment.UsesDevIdentity
        ? $"\n  Sign-in        http://localhost:{ports[ModeGraph.DevIdentity]}, as {DevDirectory.Examples}; see README"
        : "";
}
