using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.ServiceDefaults;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>A large installation has thousands of combinations of tenant and model, each with its own series in /metrics.</summary>
public sealed class MetricSeriesTests
{
    private const int Tenants = 100;
    private const int Models = 90;

    [Fact]
    public async Task TokensOfThousandsOfTenantsAndModels_EachHaveTheirSeries()
    {
        var builder = WebApplication.CreateBuilder();
        var port = FreePort.Next();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "series" });
        await using var app = builder.Build();
        app.MapDefaultEndpoints();
        await app.StartAsync(TestContext.Current.CancellationToken);

        var tokens = app.Services.GetRequiredService<IMeterFactory>().Create("ScaiGrid.Inference").CreateCounter<long>("scaigrid_tokens");
        for (var i = 0; i < Tenants * Models; i++)
        {
            foreach (var direction in (string[])["input", "output"])
            {
                tokens.Add(1, new("model", $"model-{i % Models}"), new("direction", direction), new("tenant_id", $"tnt_{i / Models}"));
            }
        }

        using var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        var shown = await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics"), TestContext.Current.CancellationToken);
        await app.StopAsync(TestContext.Current.CancellationToken);

        Assert.DoesNotContain("overflow", shown, StringComparison.Ordinal);
        Assert.Equal(Tenants * Models * 2, shown.Split('\n').Count(line => line.StartsWith("scaigrid_tokens_total{", StringComparison.Ordinal)));
    }
}
