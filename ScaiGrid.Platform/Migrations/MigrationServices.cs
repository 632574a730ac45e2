using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>What the Migrator's host registers.</summary>
public static class MigrationServices
{
    public static void AddMigrations(this IHostApplicationBuilder builder)
    {
        builder.AddPlatformDatabase();
        builder.AddSettings<BootstrapOptions>();
    }
}
