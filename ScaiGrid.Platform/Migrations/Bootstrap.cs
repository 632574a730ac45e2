using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Migrations;

/// <summary>
/// Fills an empty database with a partner, a tenant, a super admin, an API key, and a demo model that works without any upstream. Later runs find
/// the partner and change nothing, whatever an operator has changed since.
/// </summary>
internal sealed class Bootstrap(IDbContextFactory<PlatformDb> databases, BootstrapOptions options, TimeProvider time)
{
    private const int GeneratedKeyBytes = 32;

    /// <returns>The API key if one was generated, to be shown once; otherwise null.</returns>
    public async Task<string?> RunAsync(CancellationToken cancellationToken)
    {
        var key = options.ApiKey ?? "sgk_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(GeneratedKeyBytes));
        var filled = await databases.TransactAsync(
            async (db, token) =>
            {
                if (await db.Partners.AnyAsync(token))
                {
                    return false;
                }

                AddTenancy(db, key);
                AddDemo(db);
                return true;
            },
            cancellationToken);
        return filled && options.ApiKey is null ? key : null;
    }

    private void AddTenancy(PlatformDb db, string key)
    {
        var now = time.GetUtcNow();
        var partner = new Partner { Id = Ids.New(Ids.Partner, time), Slug = "internal", DisplayName = "Internal", CreatedAt = now, UpdatedAt = now };
        var tenant = new Tenant
        {
            Id = Ids.New(Ids.Tenant, time),
            PartnerId = partner.Id,
            Slug = "default",
            DisplayName = "Default",
            CreatedAt = now,
            UpdatedAt = now,
        };
        var admin = new User
        {
            Id = Ids.New(Ids.User, time),
            TenantId = tenant.Id,
            Email = options.AdminEmail.ToLowerInvariant(),
            DisplayName = "Administrator",
            CreatedAt = now,
            UpdatedAt = now,
        };
        var apiKey = new ApiKey
        {
            Id = Ids.New(Ids.ApiKey, time),
            TenantId = tenant.Id,
            UserId = admin.Id,
            Name = "bootstrap",
            Hash = ApiKey.HashOf(key),
            Prefix = "sgk_",
            CreatedAt = now,
            CreatedBy = admin.Id,
        };
        db.AddRange(partner, tenant, admin, new UserRole { UserId = admin.Id, Role = Roles.SuperAdmin }, apiKey);
    }

    private void AddDemo(PlatformDb db)
    {
        var now = time.GetUtcNow();
        var provider = new Provider { Id = Ids.New(Ids.Provider, time), Name = "echo", Type = "echo", CreatedAt = now, UpdatedAt = now };
        var backend = new Backend
        {
            Id = Ids.New(Ids.Backend, time),
            ProviderId = provider.Id,
            Name = "echo",
            Model = "echo",
            Uri = "echo:echo",
            Capabilities = """["chat","tools"]""",
            CreatedAt = now,
            UpdatedAt = now,
        };
        var model = new Model
        {
            Id = Ids.New(Ids.Model, time),
            Slug = "scailabs/echo",
            DisplayName = "Echo (demo)",
            Description = "A demo: answers with the caller's own words and needs no upstream. Its prices are there to show accounting at work.",
            Modality = "chat",
            Capabilities = """["chat","tools"]""",
            ContextWindow = 128_000,
            MaxOutputTokens = 4_096,
            InputPricePerMtok = Money.NanosPerUnit / 10,
            OutputPricePerMtok = Money.NanosPerUnit * 4 / 10,
            CreatedAt = now,
            UpdatedAt = now,
        };
        var policy = new RoutingPolicy { ModelId = model.Id, Strategy = "weighted", UpdatedAt = now };
        db.AddRange(provider, backend, model, ModelPrice.Of(model, now), policy, new RoutingTarget { ModelId = model.Id, BackendId = backend.Id });
    }
}
