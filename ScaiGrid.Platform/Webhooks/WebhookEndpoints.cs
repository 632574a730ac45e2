using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The tenant's receivers of events.</summary>
internal static class WebhookEndpoints
{
    private const int MostPerTenant = 100;
    private const int SecretBytes = 32;

    public static void MapWebhooks(this IEndpointRouteBuilder group)
    {
        group.MapGet("/webhooks", List).RequirePermission(Permissions.ManageWebhooks)
            .WithName("ListWebhooks").WithSummary("The tenant's webhooks, newest first.");
        group.MapPost("/webhooks", Create).RequirePermission(Permissions.ManageWebhooks).Audited("webhook.create", "webhook")
            .WithName("CreateWebhook").WithSummary("Subscribes a URL to events; a secret that is made for it shows here only.");
        group.MapGet("/webhooks/{id}", Get).RequirePermission(Permissions.ManageWebhooks)
            .WithName("GetWebhook").WithSummary("One webhook, without its secret.");
        group.MapPut("/webhooks/{id}", Update).RequirePermission(Permissions.ManageWebhooks).Audited("webhook.update", "webhook")
            .WithName("UpdateWebhook").WithSummary("Changes what is given; setting it active forgets its failures.");
        group.MapDelete("/webhooks/{id}", Delete).RequirePermission(Permissions.ManageWebhooks).Audited("webhook.delete", "webhook")
            .WithName("DeleteWebhook").WithSummary("Ends a subscription; deliveries on their way are dropped.");
        group.MapDeliveries();
    }

    private static async Task<Ok<PageEnvelope<WebhookView>>> List(
        [AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var page = await db.Webhooks.AsNoTracking().Where(webhook => webhook.TenantId == caller.TenantId)
            .NewestAsync(query, Ids.Webhook, webhook => webhook.Id, cancellationToken);
        return page.As(WebhookView.Of);
    }

    private static async Task<Created<Envelope<NewWebhook>>> Create(
        CreateWebhook body,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        WebhookOptions options,
        SecretBox secrets,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var (url, events) = (checks.Url(body.Url, options), checks.Events(body.Events));
        var given = checks.Secret(body.Secret);
        var status = checks.WebhookStatus(body.Status, WebhookStatus.Active);
        var maxRetries = checks.MaxRetries(body.MaxRetries, WebhookDispatch.MostRetries);
        checks.ThrowIfAny();
        var id = Ids.New(Ids.Webhook, time);
        var secret = given ?? $"whsec_{RandomNumberGenerator.GetHexString(SecretBytes * 2, lowercase: true)}";
        var now = time.GetStoredNow();
        var row = new Webhook
        {
            Id = id,
            TenantId = caller.TenantId,
            PartnerId = caller.PartnerId,
            Url = url,
            Events = events,
            Secret = secrets.Seal(secret, id),
            Status = status,
            MaxRetries = maxRetries,
            CreatedBy = caller.UserId,
            CreatedAt = now,
            UpdatedAt = now,
        };
        await databases.TransactAsync(
            async (db, token) =>
            {
                await db.ThrowIfFullAsync(row.TenantId, db.Webhooks.Where(webhook => webhook.TenantId == row.TenantId), MostPerTenant, WebhookErrors.TooMany, token);
                db.Webhooks.Add(row);
            },
            cancellationToken);
        return Reply.Created(
            $"/v1/webhooks/{id}", new NewWebhook(id, url, Webhook.ReadEvents(events), given is null ? secret : null, status, maxRetries, now));
    }

    private static async Task<Results<Ok<Envelope<WebhookView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.Webhooks.AsNoTracking().SingleOrDefaultAsync(webhook => webhook.Id == id && webhook.TenantId == caller.TenantId, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(WebhookView.Of(row));
    }

    private static async Task<Results<Ok<Envelope<WebhookView>>, ProblemResult>> Update(
        string id,
        UpdateWebhook body,
        Caller caller,
        PlatformDb db,
        WebhookOptions options,
        SecretBox secrets,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (await db.Webhooks.SingleOrDefaultAsync(webhook => webhook.Id == id && webhook.TenantId == caller.TenantId, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var checks = new Checks();
        var url = body.Url is null ? row.Url : checks.Url(body.Url, options);
        var events = body.Events is null ? row.Events : checks.Events(body.Events);
        var secret = checks.Secret(body.Secret);
        var status = checks.WebhookStatus(body.Status, row.Status);
        var maxRetries = checks.MaxRetries(body.MaxRetries, row.MaxRetries);
        checks.ThrowIfAny();

        (row.Url, row.Events, row.MaxRetries, row.UpdatedAt) = (url, events, maxRetries, time.GetStoredNow());
        row.Secret = secret is null ? row.Secret : secrets.Seal(secret, row.Id);
        if (body.Status is not null)
        {
            (row.Status, row.DisabledReason) = (status, null);
            row.ConsecutiveFailures = status == WebhookStatus.Active ? 0 : row.ConsecutiveFailures;
        }

        await db.SaveChangesAsync(cancellationToken);
        return Reply.Ok(WebhookView.Of(row));
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await db.Webhooks.SingleOrDefaultAsync(webhook => webhook.Id == id && webhook.TenantId == caller.TenantId, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        db.Webhooks.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }
}
