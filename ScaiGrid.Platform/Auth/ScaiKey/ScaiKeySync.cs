using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>
/// Reads from ScaiKey what is there and applies it as the webhooks would have, so that a lost one is made good. What a webhook says of a
/// moment after this run's start is newer, and stays.
/// </summary>
internal sealed partial class ScaiKeySync(
    ScaiKeyAdmin admin,
    ScaiKeyDirectory directory,
    IDbContextFactory<PlatformDb> databases,
    ScaiKeySyncOptions options,
    TimeProvider time,
    ILogger<ScaiKeySync> logger) : IScheduledTask
{
    private const int BatchSize = 100;

    /// <summary>After which a run is cancelled.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (options.AdminUrl is null)
        {
            return;
        }

        var startedAt = time.GetStoredNow();
        var token = await admin.TokenAsync(cancellationToken);
        var count = 0;

        // What contains comes before what is contained.
        foreach (var (noun, path) in new[]
        {
            ("partner", options.PartnersPath), ("tenant", options.TenantsPath), ("user", options.UsersPath), ("group", options.GroupsPath),
        })
        {
            if (path == "none")
            {
                continue;
            }

            var items = (await admin.ListAsync(path, token, cancellationToken)).Where(IsItem).ToList();
            await ApplyAsync([.. items.Select(item => Told(noun, "updated", item, startedAt))], cancellationToken);
            await ApplyAsync(await GoneAsync(noun, [.. items.Select(Id)], startedAt, cancellationToken), cancellationToken);
            if (noun == "group")
            {
                await ApplyAsync(await MembershipsAsync(items, startedAt, cancellationToken), cancellationToken);
            }

            count += items.Count;
        }

        ScaiKeySynced(count);
    }

    private async Task ApplyAsync(IReadOnlyCollection<ScaiKeyEvent> events, CancellationToken cancellationToken)
    {
        foreach (var batch in events.Chunk(BatchSize))
        {
            try
            {
                await ApplyTogetherAsync(batch, cancellationToken);
            }
            catch (ApiException)
            {
                // One that cannot be applied does not keep the others back.
                foreach (var told in batch)
                {
                    await ApplyAloneAsync(told, cancellationToken);
                }
            }
        }
    }

    private Task ApplyTogetherAsync(ScaiKeyEvent[] batch, CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, transaction) =>
        {
            foreach (var told in batch)
            {
                if (await directory.ApplyAsync(db, told, transaction) is { } reason)
                {
                    ScaiKeyItemNotApplied(told.Type, told.ResourceId, reason);
                }

                // The next one asks the database.
                await db.SaveChangesAsync(transaction);
            }
        },
        cancellationToken);

    private async Task ApplyAloneAsync(ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        try
        {
            await ApplyTogetherAsync([told], cancellationToken);
        }
        catch (ApiException exception)
        {
            ScaiKeyItemNotApplied(told.Type, told.ResourceId, exception.Message);
        }
    }

    /// <summary>What ScaiKey once told of and does not list any more. An empty list says nothing: it is more likely wrong than true.</summary>
    private async Task<List<ScaiKeyEvent>> GoneAsync(string noun, HashSet<string> listed, DateTimeOffset startedAt, CancellationToken cancellationToken)
    {
        if (listed.Count == 0)
        {
            return [];
        }

        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var known = await db.ScaiKeyResources.AsNoTracking().Where(row => row.Type == noun && row.ToldAt < startedAt)
            .Select(row => row.ExternalId).ToListAsync(cancellationToken);
        return [.. known.Where(id => !listed.Contains(id)).Select(id => new ScaiKeyEvent("", $"{noun}.deleted", startedAt, id, [], null, null))];
    }

    private async Task<List<ScaiKeyEvent>> MembershipsAsync(List<JsonObject> groups, DateTimeOffset startedAt, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var here = (await (from member in db.GroupMembers
                           join user in db.Users on member.UserId equals user.Id
                           join @group in db.Groups on member.GroupId equals @group.Id
                           where user.ExternalId != null && @group.ExternalId != null
                           select new { Group = @group.ExternalId!, User = user.ExternalId! }).ToListAsync(cancellationToken))
            .ToLookup(member => member.Group, member => member.User);
        var events = new List<ScaiKeyEvent>();
        foreach (var item in groups)
        {
            // A list that does not tell of members changes none.
            if (item["member_ids"] is not JsonArray ids)
            {
                continue;
            }

            var there = ids.OfType<JsonValue>().Select(id => id.TryGetValue<string>(out var text) ? text : "").Where(id => id.Length > 0).ToHashSet();
            events.AddRange(there.Except(here[Id(item)]).Select(user => Member("member_added", item, user, startedAt)));
            events.AddRange(here[Id(item)].Except(there).Select(user => Member("member_removed", item, user, startedAt)));
        }

        return events;
    }

    private static ScaiKeyEvent Member(string verb, JsonObject group, string user, DateTimeOffset at) =>
        new("", $"group.{verb}", at, Id(group), new JsonObject { ["user_id"] = user }, Text(group, "tenant_id"), null);

    private static ScaiKeyEvent Told(string noun, string verb, JsonObject item, DateTimeOffset at) =>
        new("", $"{noun}.{verb}", at, Id(item), item, Text(item, "tenant_id"), Text(item, "partner_id"));

    private static bool IsItem(JsonObject item) => Text(item, "id") is { Length: <= ExternalIds.MaxLength } id && Ascii.IsValid(id);

    private static string Id(JsonObject item) => Text(item, "id")!;

    private static string? Text(JsonObject item, string field) => item[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} partners, tenants, users and groups of ScaiKey's were compared.")]
    private partial void ScaiKeySynced(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What ScaiKey lists of {Type} {ExternalId} had no effect: {Reason}")]
    private partial void ScaiKeyItemNotApplied(string type, string externalId, string reason);
}
