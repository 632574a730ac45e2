using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth;

/// <summary>Registers token validation and sign-in; requires the database, Redis and the snapshot.</summary>
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
        builder.AddSettings<PublicOptions>();
        builder.AddSettings<SecretOptions>();
        builder.Services.AddSingleton<IssuerDirectory>();
        builder.Services.AddSingleton<IssuerTokens>();
        builder.Services.AddSingleton<SessionTokens>();
        builder.Services.AddSingleton<SessionCredentials>();
        builder.Services.AddSingleton<EndedSessions>();
        builder.Services.AddHostedService(services => services.GetRequiredService<EndedSessions>());
        builder.Services.AddSingleton<TokenCallers>();
        builder.Services.AddSingleton<RefusedStrangers>();
        builder.Services.AddSingleton<Sessions>();
        builder.Services.AddSingleton<OneTimeStore>();
        builder.Services.AddSingleton<AttemptLimit>();
        builder.Services.AddSingleton<IssuerExchange>();
        builder.Services.AddSingleton<SignIn>();
        builder.Services.AddSingleton<ScaiKeyDirectory>();
        builder.Services.AddSingleton<ScaiKeyInbox>();
    }

    /// <summary>For the worker: the sync with ScaiKey, and clean-up tasks.</summary>
    public static void AddAuthTasks(this IHostApplicationBuilder builder)
    {
        var issuer = builder.AddIssuer();
        var admin = builder.AddSettings<ScaiKeySyncOptions>().AdminUrl;
        if (admin is { Scheme: "http", IsLoopback: false } && builder.Environment.IsProduction())
        {
            builder.AddSettingsMistake("SCAIGRID_SCAIKEY_ADMIN_URL: must be https where the environment is Production: whoever can change its answers could make users.");
        }

        if (admin is not null && (!issuer.OffersSignIn || issuer.ClientSecret is null))
        {
            builder.AddSettingsMistake("SCAIGRID_SCAIKEY_ADMIN_URL: needs SCAIGRID_SCAIKEY_ISSUER, SCAIGRID_SCAIKEY_CLIENT_ID and SCAIGRID_SCAIKEY_CLIENT_SECRET.");
        }

        builder.Services.AddSingleton<ScaiKeyAdmin>();
        builder.Services.AddSingleton<ScaiKeyDirectory>();
        builder.Services.AddTransient<ScaiKeySync>();
        builder.Services.AddTransient<AuthPrune>();
    }

    private static ScaiKeyOptions AddIssuer(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<InferenceOptions>();
        builder.Services.AddSingleton<IssuerHttp>();
        builder.Services.AddSingleton<PlatformIssuer>();
        return builder.AddSettings<ScaiKeyOptions>();
    }
}
