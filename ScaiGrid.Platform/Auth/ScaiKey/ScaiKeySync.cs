using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>
/// Reads ScaiKey's lists and applies them as the webhooks would have, which makes up for lost ones. Webhook events from shortly before the
/// start of the run, or from later, are newer and win.
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

    // For clock differences between ScaiKey and this machine, and for the time that lists take: changes within it are left to the next run.
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(5);

    /// <summary>The time after which a run is cancelled.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(30);

    /// <summary>How long the state of a removed resource is kept, for old events that may still arrive.</summary>
    private static readonly TimeSpan Keep = TimeSpan.FromDays(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (options.AdminUrl is null)
        {
            return;
        }

        var asOf = time.GetStoredNow() - Grace;
        var token = await admin.TokenAsync(cancellationToken);
        var count = 0;

        // Containers before their contents.
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
            await ApplyAsync([.. items.Select(item => Told(noun, "updated", item, asOf))], cancellationToken);
            await ApplyAsync(await GoneAsync(noun, [.. items.Select(Id)], asOf, cancellationToken), cancellationToken);
            if (noun == "group")
            {
                await ApplyAsync(await MembershipsAsync(items, asOf, cancellationToken), cancellationToken);
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
            catch (Exception exception) when (exception is ApiException or DbUpdateException)
            {
                // An item that cannot be applied, or conflicts with a webhook, must not hold up the others.
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

                // The next event queries the database.
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
        catch (DbUpdateException exception) when (exception is DbUpdateConcurrencyException
            || DatabaseErrors.IsUniqueViolation(exception) || DatabaseErrors.IsForeignKeyViolation(exception))
        {
            ScaiKeyItemNotApplied(told.Type, told.ResourceId, "A webhook told of it at the same time.");
        }
    }

    /// <summary>
    /// Finds resources that ScaiKey reported earlier, that exist here, and that are no longer listed. An empty list is ignored, because it is more
    /// likely a failure. The stored state of resources that have long been in neither place is deleted.
    /// </summary>
    private async Task<List<ScaiKeyEvent>> GoneAsync(string noun, HashSet<string> listed, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        if (listed.Count == 0)
        {
            return [];
        }

        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var known = await db.ScaiKeyResources.AsNoTracking().Where(row => row.Type == noun && row.ToldAt < asOf).ToListAsync(cancellationToken);
        known.RemoveAll(row => listed.Contains(row.ExternalId));
        var here = noun switch
        {
            "user" => await db.Users.Where(user => user.ExternalId != null && user.Status != UserStatus.Deleted).Select(user => user.ExternalId!).ToHashSetAsync(cancellationToken),
            "group" => await db.Groups.Where(group => group.ExternalId != null).Select(group => group.ExternalId!).ToHashSetAsync(cancellationToken),

            // Partners and tenants are only suspended, never deleted.
            _ => known.Where(row => row.IsActive != false).Select(row => row.ExternalId).ToHashSet(),
        };
        if (noun is "user" or "group")
        {
            await ForgetAsync(db, noun, [.. known.Where(row => row.ToldAt < asOf - Keep && !here.Contains(row.ExternalId)).Select(row => row.ExternalId)], asOf, cancellationToken);
        }

        return [.. known.Where(row => here.Contains(row.ExternalId)).Select(row => new ScaiKeyEvent("", $"{noun}.deleted", asOf, row.ExternalId, [], null, null))];
    }

    private static async Task ForgetAsync(PlatformDb db, string noun, List<string> ids, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        foreach (var batch in ids.Chunk(BatchSize))
        {
            // Unless ScaiKey has just reported it again.
            await db.ScaiKeyResources.Where(row => row.Type == noun && batch.Contains(row.ExternalId) && row.ToldAt < asOf - Keep).ExecuteDeleteAsync(cancellationToken);
        }
    }

    private async Task<List<ScaiKeyEvent>> MembershipsAsync(List<JsonObject> groups, DateTimeOffset asOf, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var users = (await (from member in db.GroupMembers
                            join user in db.Users on member.UserId equals user.Id
                            join @group in db.Groups on member.GroupId equals @group.Id
                            where user.ExternalId != null && @group.ExternalId != null
                            select new { Group = @group.ExternalId!, Member = user.ExternalId! }).ToListAsync(cancellationToken))
            .ToLookup(member => member.Group, member => member.Member);
        var inner = (await (from child in db.GroupChildren
                            join member in db.Groups on child.ChildId equals member.Id
                            join @group in db.Groups on child.GroupId equals @group.Id
                            where member.ExternalId != null && @group.ExternalId != null
                            select new { Group = @group.ExternalId!, Member = member.ExternalId! }).ToListAsync(cancellationToken))
            .ToLookup(member => member.Group, member => member.Member);
        return [.. groups.SelectMany(item => Changes(item, "member_ids", "user_id", users, asOf).Concat(Changes(item, "group_ids", "group_id", inner, asOf)))];
    }

    /// <summary>The events that turn the known members into the listed ones; none if the item has no list of members.</summary>
    private static IEnumerable<ScaiKeyEvent> Changes(JsonObject item, string list, string field, ILookup<string, string> known, DateTimeOffset asOf)
    {
        if (item[list] is not JsonArray ids)
        {
            return [];
        }

        var (here, there) = (known[Id(item)], ids.OfType<JsonValue>().Select(id => id.TryGetValue<string>(out var text) ? text : "").Where(id => id.Length > 0).ToHashSet());
        return there.Except(here).Select(member => Member("member_added", member)).Concat(here.Except(there).Select(member => Member("member_removed", member)));

        ScaiKeyEvent Member(string verb, string member) => new("", $"group.{verb}", asOf, Id(item), new JsonObject { [field] = member }, Text(item, "tenant_id"), null);
    }

    private static ScaiKeyEvent Told(string noun, string verb, JsonObject item, DateTimeOffset at) =>
        new("", $"{noun}.{verb}", at, Id(item), item, Text(item, "tenant_id"), Text(item, "partner_id"));

    private static bool IsItem(JsonObject item) => Text(item, "id") is { Length: <= ExternalIds.MaxLength } id && Ascii.IsValid(id);

    private static string Id(JsonObject item) => Text(item, "id")!;

    private static string? Text(JsonObject item, string field) => item[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "Compared {Count} partners, tenants, users and groups with ScaiKey.")]
    private partial void ScaiKeySynced(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "ScaiKey's list entry for {Type} {ExternalId} was not applied: {Reason}")]
    private partial void ScaiKeyItemNotApplied(string type, string externalId, string reason);
}
