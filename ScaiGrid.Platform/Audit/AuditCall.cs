using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Idempotency;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Audit;

/// <summary>The audited call that is running. Flows with its tasks, so that any database context that commits finds it.</summary>
internal sealed class AuditCall(HttpContext context, AuditEntry entry)
{
    private static readonly AsyncLocal<AuditCall?> Running = new();

    // By context: a unit of work that is retried gets a new context, and the changes of the first attempt were rolled back.
    private readonly Dictionary<DbContextId, AuditChanges> _changes = [];

    /// <summary>Null outside of an audited call.</summary>
    public static AuditCall? Current => Running.Value;

    public AuditEntry Entry { get; } = entry;

    /// <summary>The tenant of the row if neither the handler, nor the changed rows, nor the caller have one; null for none.</summary>
    public string? ElseTenantId { get; set; }

    /// <summary>Set once the call is authenticated.</summary>
    public Caller? Caller => context.Features.Get<Caller>();

    /// <summary>The id in the path, used unless a changed row has an id.</summary>
    public string? RouteId => (context.GetRouteValue("id") ?? context.GetRouteData().Values.Values.FirstOrDefault())?.ToString();

    public string ActorType => Caller?.UserId.StartsWith(InternalCallers.ServicePrefix, StringComparison.Ordinal) is true ? ActorTypes.Service : Entry.ActorType;

    /// <summary>The status of the row that is committed with a change.</summary>
    public string StatusOfCommit { get; set; } = AuditStatus.Success;

    /// <summary>True once a transaction with this call's audit row was committed.</summary>
    public bool IsRecorded { get; private set; }

    /// <summary>True if the response is a stored one: nothing was attempted, and the original call has its own row.</summary>
    public bool IsReplay { get; set; }

    /// <summary>True if the call failed because the database is unavailable: writing its row would fail as well.</summary>
    public bool IsDatabaseAway { get; set; }

    /// <summary>The claim of the call's Idempotency-Key, which is committed together with its write.</summary>
    public IdempotencyClaim? Claim { get; set; }

    public void Begin() => Running.Value = this;

    public static void End() => Running.Value = null;

    /// <summary>Collects the changes that the context is about to save.</summary>
    public void Collect(DbContext db)
    {
        if (!_changes.TryGetValue(db.ContextId, out var changes))
        {
            _changes[db.ContextId] = changes = new AuditChanges();
        }

        changes.Add(db.ChangeTracker);
    }

    /// <returns>Null if the context saved no tracked changes.</returns>
    public AuditChanges? ChangesOf(DbContext db) => _changes.GetValueOrDefault(db.ContextId) is { IsEmpty: false } changes ? changes : null;

    public void Committed(DbContext db)
    {
        IsRecorded = true;
        _changes.Remove(db.ContextId);
    }
}
