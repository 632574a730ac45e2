using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Idempotency;

namespace ScaiGrid.Platform.Audit;

/// <summary>An audited call while it runs. It follows the call through its tasks, so that any context that commits finds it.</summary>
internal sealed class AuditCall(HttpContext context, AuditEntry entry)
{
    private const string ServicePrefix = "service:";

    private static readonly AsyncLocal<AuditCall?> Running = new();

    // By context: a unit of work that is run again has a fresh one, and what the first attempt changed was rolled back.
    private readonly Dictionary<DbContextId, AuditChanges> _changes = [];

    /// <summary>Null outside of audited calls.</summary>
    public static AuditCall? Current => Running.Value;

    public AuditEntry Entry { get; } = entry;

    /// <summary>Known once the call is authenticated.</summary>
    public Caller? Caller => context.Features.Get<Caller>();

    /// <summary>The id in the path, where no changed row tells a better one.</summary>
    public string? RouteId => (context.GetRouteValue("id") ?? context.GetRouteData().Values.Values.FirstOrDefault())?.ToString();

    public string ActorType => Caller?.UserId.StartsWith(ServicePrefix, StringComparison.Ordinal) is true ? ActorTypes.Service : Entry.ActorType;

    /// <summary>Set once a transaction with this call's row has been committed.</summary>
    public bool IsRecorded { get; private set; }

    /// <summary>The answer is an earlier call's: nothing was attempted, and the earlier call has its row.</summary>
    public bool IsReplay { get; set; }

    /// <summary>The call failed for want of the database: its row would wait for it in vain as well.</summary>
    public bool IsDatabaseAway { get; set; }

    /// <summary>The claim of the call's Idempotency-Key, which commits with its write.</summary>
    public IdempotencyClaim? Claim { get; set; }

    public void Begin() => Running.Value = this;

    public static void End() => Running.Value = null;

    /// <summary>Adds what the context is about to save.</summary>
    public void Collect(DbContext db)
    {
        if (!_changes.TryGetValue(db.ContextId, out var changes))
        {
            _changes[db.ContextId] = changes = new AuditChanges();
        }

        changes.Add(db.ChangeTracker);
    }

    /// <returns>Null where the context saved nothing that was tracked.</returns>
    public AuditChanges? ChangesOf(DbContext db) => _changes.GetValueOrDefault(db.ContextId) is { IsEmpty: false } changes ? changes : null;

    public void Committed(DbContext db)
    {
        IsRecorded = true;
        _changes.Remove(db.ContextId);
    }
}
