using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Budgets;

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
        builder.Services.AddSingleton<WaitingUsage>();
        builder.Services.AddSingleton<UsageSummary>();
        builder.Services.AddSingleton<GroupUsage>();
        builder.Services.AddSingleton<UsageMetrics>();
        builder.Services.AddTransient<UsageFlush>();
        builder.Services.AddSingleton<UsageRetention>();
        builder.Services.AddTransient<BudgetWatch>();
        builder.Services.AddSingleton<BudgetLedger>();
        builder.Services.AddSingleton<IBudgetLedger>(services => services.GetRequiredService<BudgetLedger>());
    }
}
