using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Handles each of ScaiKey's events once: its receipt and its changes are committed together.</summary>
internal sealed partial class ScaiKeyInbox(
    IDbContextFactory<PlatformDb> databases, ScaiKeyDirectory directory, TimeProvider time, ILogger<ScaiKeyInbox> logger)
{
    // More concurrent events of one resource than ever occur; after that ScaiKey sends the event again.
    private const int Attempts = 10;

    // An event may overtake the one that it depends on. What is still not applicable later never will be, or is found by the sync.
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    public async Task<InboxAnswer> TakeAsync(ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (!ScaiKeyDirectory.Knows(told.Type))
        {
            return InboxAnswer.Unknown;
        }

        // A clock that is ahead must not make all later events look old.
        var now = time.GetStoredNow();
        told = told.At > now ? told with { At = now } : told;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await databases.TransactAsync((db, token) => TakeAsync(db, told, token), cancellationToken);
            }
            catch (DbUpdateException exception) when (attempt < Attempts && (exception is DbUpdateConcurrencyException || DatabaseErrors.IsUniqueViolation(exception)))
            {
                // A concurrent delivery of this event, or another event of the resource: on the next attempt it is a duplicate, old, or still new.
            }
            catch (ApiException) when (attempt == 1)
            {
                // A conflict may be caused by a concurrent event for the same resource: a second attempt shows it.
            }
            catch (ApiException exception)
            {
                ScaiKeyEventNotApplied(told.Type, told.Id, exception.Message);
                return new InboxAnswer(Handled: false, MayComeAgain: now - told.At < Patience, Reason: exception.Message);
            }
        }
    }

    private async Task<InboxAnswer> TakeAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (await db.ScaiKeyEvents.AnyAsync(row => row.EventId == told.Id, cancellationToken))
        {
            return InboxAnswer.Duplicate;
        }

        // Thrown, so that nothing of it is stored: it may be applicable when it is sent again, or found by the sync.
        if (await directory.ApplyAsync(db, told, cancellationToken) is { } reason)
        {
            throw new ApiException(new Problem(CoreErrors.Conflict, reason));
        }

        // Events of partners, of several tenants and of memberships change rows that do not name one tenant.
        AuditCall.Current?.ElseTenantId = await ScaiKeyDirectory.TenantIdAsync(db, told, cancellationToken)
            ?? await db.Tenants.Where(tenant => tenant.Slug == HomeTenant.Slug).Select(tenant => tenant.Id).SingleOrDefaultAsync(cancellationToken);
        db.ScaiKeyEvents.Add(new ScaiKeyEventRow { EventId = told.Id, ReceivedAt = time.GetStoredNow() });
        return InboxAnswer.Done;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "ScaiKey's event {Type} {EventId} was not applied: {Reason}")]
    private partial void ScaiKeyEventNotApplied(string type, string eventId, string reason);
}

/// <param name="Handled">Whether it was applied, now or earlier.</param>
/// <param name="IsDuplicate">Whether it had been received before.</param>
/// <param name="MayComeAgain">Whether it may be applicable when it is sent again.</param>
/// <param name="Reason">Why it was not applied.</param>
internal sealed record InboxAnswer(bool Handled, bool IsDuplicate = false, bool MayComeAgain = false, string? Reason = null)
{
    public static readonly InboxAnswer Done = new(true);
    public static readonly InboxAnswer Duplicate = new(true, IsDuplicate: true);
    public static readonly InboxAnswer Unknown = new(false, Reason: "This event is not known here.");
}
