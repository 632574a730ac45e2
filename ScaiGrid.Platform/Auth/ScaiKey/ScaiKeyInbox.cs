using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Takes ScaiKey's events, each once: that it was received and what it changed are stored together.</summary>
internal sealed partial class ScaiKeyInbox(
    IDbContextFactory<PlatformDb> databases, ScaiKeyDirectory directory, TimeProvider time, ILogger<ScaiKeyInbox> logger)
{
    // So many of one resource at the same time are more than ever meet; after that ScaiKey sends the event again.
    private const int Attempts = 10;

    public async Task<InboxAnswer> TakeAsync(ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (!ScaiKeyDirectory.Knows(told.Type))
        {
            return InboxAnswer.Unknown;
        }

        // A clock that is ahead must not make all that follows old.
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
                // By another delivery of this event, or another event of the resource: looked at again, it is a duplicate, old, or still news.
            }
            catch (ApiException) when (attempt == 1)
            {
                // A key that is taken may be the same: once more tells.
            }
            catch (ApiException exception)
            {
                ScaiKeyEventNotApplied(told.Type, told.Id, exception.Message);
                return new InboxAnswer(Handled: false, Reason: exception.Message);
            }
        }
    }

    private async Task<InboxAnswer> TakeAsync(PlatformDb db, ScaiKeyEvent told, CancellationToken cancellationToken)
    {
        if (await db.ScaiKeyEvents.AnyAsync(row => row.EventId == told.Id, cancellationToken))
        {
            return InboxAnswer.Duplicate;
        }

        // Not kept as received: sent again, or found by the sync, it may have its effect then.
        if (await directory.ApplyAsync(db, told, cancellationToken) is { } reason)
        {
            ScaiKeyEventNotApplied(told.Type, told.Id, reason);
            return new InboxAnswer(Handled: false, Reason: reason);
        }

        db.ScaiKeyEvents.Add(new ScaiKeyEventRow { EventId = told.Id, ReceivedAt = time.GetStoredNow() });
        return InboxAnswer.Done;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "ScaiKey's event {Type} {EventId} had no effect: {Reason}")]
    private partial void ScaiKeyEventNotApplied(string type, string eventId, string reason);
}

/// <param name="Handled">Whether it had its effect, now or before.</param>
/// <param name="IsDuplicate">Whether it had been received before.</param>
/// <param name="Reason">Why it had none.</param>
internal sealed record InboxAnswer(bool Handled, bool IsDuplicate = false, string? Reason = null)
{
    public static readonly InboxAnswer Done = new(true);
    public static readonly InboxAnswer Duplicate = new(true, IsDuplicate: true);
    public static readonly InboxAnswer Unknown = new(false, Reason: "This event is not known here.");
}
