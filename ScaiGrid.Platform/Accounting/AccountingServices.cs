using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Registers accounting; needs the database and Redis.</summary>
internal static class AccountingServices
{
    public static void AddAccounting(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<AccountingOptions>();
        builder.Services.TryAddSingleton<UsageBuffer>();
        builder.Services.AddSingleton<RequestEvents>();
        builder.Services.AddSingleton<UsageStore>();
        builder.Services.AddSingleton<UsageSummary>();
        builder.Services.AddSingleton<UsageMetrics>();
        builder.Services.AddTransient<UsageFlush>();
    }
}
