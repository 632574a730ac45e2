using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Registers the services of the Migrator's host.</summary>
public static class MigrationServices
{
    public static void AddMigrations(this IHostApplicationBuilder builder)
    {
        builder.AddPlatformDatabase();
        builder.AddSettings<BootstrapOptions>();
    }

    /// <summary>Registers what <see cref="SecretRotation"/> needs in addition. Migrations themselves do without the secret key.</summary>
    public static void AddSecretRotation(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<SecretOptions>();
        builder.Services.AddSingleton<SecretBox>();
    }
}
