using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Data;
using ScaiGrid.Tests.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>The hash chain on both databases: complete under concurrency, and broken by every manipulation.</summary>
[Trait("needs", "services")]
public sealed class AuditChainTests(DatabaseServer server)
{
    private const string Tenant = "tnt_chain";

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task ReplicasAtOnce_MakeOneChain(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            // Separate services, as each replica has.
            var services = database.BuildServices();
            for (var i = 0; i < 15; i++)
            {
                await AppendAsync(services, Tenant);
            }
        }));

        var verdict = await VerifyAsync(database);
        Assert.True(verdict.Valid, verdict.ToString());
        Assert.Equal((60, 60), (verdict.VerifiedRows, verdict.LastSequence));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task RowThatIsNotCommitted_LeavesNoGap(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        await AppendAsync(database.Services, Tenant);
        await Assert.ThrowsAsync<InvalidOperationException>(() => AppendAsync(database.Services, Tenant, () => throw new InvalidOperationException("given up")));
        await AppendAsync(database.Services, Tenant);
        Assert.Equal(new AuditVerdict(true, 2, 2, (await VerifyAsync(database)).LastHash, null), await VerifyAsync(database));
    }

    [Theory]
    [InlineData("UPDATE audit_log SET actor_email = 'somebody@else.example' WHERE sequence = 4", 3)]
    [InlineData("UPDATE audit_log SET changes = '[1]' WHERE sequence = 1", 0)]
    [InlineData("DELETE FROM audit_log WHERE sequence = 4", 3)]
    [InlineData("DELETE FROM audit_log WHERE sequence >= 5", 4)]
    [InlineData("DELETE FROM audit_log", 0)]
    [InlineData("DELETE FROM audit_log WHERE sequence = 1", 0)]
    [InlineData("DELETE FROM audit_chains", 0)]
    [InlineData("UPDATE audit_chains SET hash = 'x'", 6)]
    [InlineData("UPDATE audit_log SET status = 'FAILURE' WHERE sequence = 6", 5)]
    public async Task TouchedRow_BreaksTheChainThere(string sql, long verified)
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        for (var i = 0; i < 6; i++)
        {
            await AppendAsync(database.Services, Tenant);
            await AppendAsync(database.Services, "tnt_other");
        }

        await database.ExecuteAsync(sql.Contains(" WHERE ", StringComparison.Ordinal) ? $"{sql} AND tenant_id = '{Tenant}'" : $"{sql} WHERE tenant_id = '{Tenant}'");

        var verdict = await VerifyAsync(database);
        Assert.False(verdict.Valid);
        Assert.NotNull(verdict.FirstBreak);
        Assert.Equal(verified, verdict.VerifiedRows);
        Assert.True((await VerifyAsync(database, "tnt_other")).Valid);
    }

    /// <summary>The format that docs/decisions/0028 documents for the verification of an export.</summary>
    [Fact]
    public void Hash_IsOfNetstrings() => Assert.Equal(
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
            "0:,5:tnt_a,1:1,7:audit_1,16:1767225600000000,5:prt_a,8:x.create,5:usr_a,5:a@b.c,4:user,1:x,3:x_1,9:127.0.0.1,2:\u00fc,7:SUCCESS,5:req_1,2:[],"u8)),
        AuditHash.Of(new AuditRow
        {
            Id = "audit_1",
            TenantId = "tnt_a",
            Sequence = 1,
            PartnerId = "prt_a",
            CreatedAt = DateTimeOffset.Parse("2026-01-01T00:00:00Z", CultureInfo.InvariantCulture),
            Action = "x.create",
            ActorId = "usr_a",
            ActorEmail = "a@b.c",
            ActorType = "user",
            ResourceType = "x",
            ResourceId = "x_1",
            IpAddress = "127.0.0.1",
            UserAgent = "\u00fc",
            Status = "SUCCESS",
            RequestId = "req_1",
            Changes = "[]",
            PreviousHash = "",
            Hash = "",
        }));

    private static Task AppendAsync(IServiceProvider services, string tenant, Action? then = null)
    {
        var entry = new AuditEntry
        {
            Action = "thing.create",
            ResourceType = "thing",
            ResourceId = "Größe",
            TenantId = tenant,
            PartnerId = "prt_chain",
            RequestId = "req_1",
            UserAgent = "half a character \ud83d",
            ActorEmail = "zoë@example.com",
        };
        var call = new AuditCall(new DefaultHttpContext(), entry);
        return services.GetRequiredService<IDbContextFactory<PlatformDb>>().TransactAsync(
            async (db, token) =>
            {
                await services.GetRequiredService<AuditChain>().AppendAsync(
                    db.Database.CurrentTransaction!.GetDbTransaction(), call, changes: null, AuditStatus.Success, token);
                then?.Invoke();
            },
            TestContext.Current.CancellationToken);
    }

    private static async Task<AuditVerdict> VerifyAsync(TestDatabase database, string tenant = Tenant)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        return await AuditVerifier.VerifyAsync(db, tenant, db.AuditRows.AsNoTracking().Where(row => row.TenantId == tenant), TestContext.Current.CancellationToken);
    }
}
