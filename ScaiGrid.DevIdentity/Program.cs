using System.Globalization;
using ScaiGrid.DevIdentity;
using ScaiGrid.ServiceDefaults;

// An identity provider for local development: it listens on loopback only, and starts only in the Development environment.
// Settings are read once: watching a settings file would mean watching the whole working folder.
var builder = WebApplication.CreateSlimBuilder([.. args, "--hostBuilder:reloadConfigOnChange=false"]);
if (!builder.Environment.IsDevelopment())
{
    await Console.Error.WriteLineAsync(
        $"The development identity provider lets anybody be anybody: it starts where the environment is Development, not {builder.Environment.EnvironmentName}.");
    return 78;
}

if (builder.Configuration["SCAIGRID_SCAIKEY_CLIENT_SECRET"] is not { Length: > 0 } secret
    || !int.TryParse(builder.Configuration["SCAIGRID_DEV_IDENTITY_PORT"] ?? "8003", NumberStyles.None, CultureInfo.InvariantCulture, out var port))
{
    await Console.Error.WriteLineAsync("Set SCAIGRID_SCAIKEY_CLIENT_SECRET, and SCAIGRID_DEV_IDENTITY_PORT to a port.");
    return 78;
}

var publicUrl = builder.Configuration["SCAIGRID_PUBLIC_URL"] ?? "http://localhost:8000";
var client = new DevClient(
    new Uri($"http://localhost:{port.ToString(CultureInfo.InvariantCulture)}"),
    builder.Configuration["SCAIGRID_SCAIKEY_CLIENT_ID"] ?? "scaigrid",
    secret,
    builder.Configuration["SCAIGRID_SCAIKEY_AUDIENCE"] ?? "scaigrid-api",
    publicUrl.TrimEnd('/') + "/v1/auth/callback");
builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "scaigrid-dev-identity", DrainTimeout = TimeSpan.Zero });
builder.AddProvider(client);
builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenLocalhost(port));

await using var app = builder.Build();
app.UseRouting();
app.UseAuthentication();
app.MapDefaultEndpoints();
app.MapProvider(client);
await app.RunAsync();
return 0;
