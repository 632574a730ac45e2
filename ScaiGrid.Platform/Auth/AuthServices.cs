using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth;

/// <summary>Registers what checks tokens, and what signs people in; needs the database, Redis and the snapshot.</summary>
internal static class AuthServices
{
    public static void AddAuth(this IHostApplicationBuilder builder)
    {
        var options = builder.AddIssuer();
        if (options.Issuer is { Scheme: "http", IsLoopback: false } && builder.Environment.IsProduction())
        {
            builder.AddSettingsMistake("SCAIGRID_SCAIKEY_ISSUER: must be https where the environment is Production: whoever can change its answers could sign in as anybody.");
        }

        builder.AddSettings<SignInOptions>();
        builder.AddSettings<SecretOptions>();
        builder.Services.AddSingleton<IssuerDirectory>();
        builder.Services.AddSingleton<IssuerTokens>();
        builder.Services.AddSingleton<SessionTokens>();
        builder.Services.AddSingleton<EndedSessions>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EndedSessions>());
        builder.Services.AddSingleton<TokenCallers>();
        builder.Services.AddSingleton<Sessions>();
        builder.Services.AddSingleton<OneTimeStore>();
        builder.Services.AddSingleton<AttemptLimit>();
        builder.Services.AddSingleton<IssuerExchange>();
        builder.Services.AddSingleton<SignIn>();
    }

    private static ScaiKeyOptions AddIssuer(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<InferenceOptions>();
        builder.Services.AddSingleton<IssuerHttp>();
        return builder.AddSettings<ScaiKeyOptions>();
    }
}
