using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
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
}
