using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Batch;
using ScaiGrid.Platform.Budgets;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Idempotency;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Jobs;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.RateLimits;
using ScaiGrid.Platform.Rooms;
using ScaiGrid.Platform.Scheduling;
using ScaiGrid.Platform.Sessions;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform.Data;

/// <summary>The platform's own tables. Their schema is created by <see cref="Migrations"/>; a test compares the two.</summary>
internal sealed class PlatformDb : DbContext
{
    public PlatformDb(DbContextOptions<PlatformDb> options)
        : base(options)
    {
        // Every save is a transaction, so that SnapshotInterceptor can increment the revision before the commit.
        Database.AutoTransactionBehavior = AutoTransactionBehavior.Always;

        // A deadlock rolls back the whole transaction, so a savepoint would only cost two round trips.
        Database.AutoSavepointsEnabled = false;
    }

    public DbSet<Partner> Partners => Set<Partner>();

    public DbSet<Tenant> Tenants => Set<Tenant>();

    public DbSet<User> Users => Set<User>();

    public DbSet<UserRole> UserRoles => Set<UserRole>();

    public DbSet<UserCustomRole> UserCustomRoles => Set<UserCustomRole>();

    public DbSet<UserModulePermission> UserModulePermissions => Set<UserModulePermission>();

    public DbSet<CustomRole> CustomRoles => Set<CustomRole>();

    public DbSet<Group> Groups => Set<Group>();

    public DbSet<GroupMember> GroupMembers => Set<GroupMember>();

    public DbSet<GroupChild> GroupChildren => Set<GroupChild>();

    public DbSet<RoleMapping> RoleMappings => Set<RoleMapping>();

    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();

    public DbSet<Session> Sessions => Set<Session>();

    public DbSet<ScaiKeyEventRow> ScaiKeyEvents => Set<ScaiKeyEventRow>();

    public DbSet<ScaiKeyResource> ScaiKeyResources => Set<ScaiKeyResource>();

    public DbSet<Provider> Providers => Set<Provider>();

    public DbSet<Backend> Backends => Set<Backend>();

    public DbSet<Model> Models => Set<Model>();

    public DbSet<ModelAccess> ModelAccess => Set<ModelAccess>();

    public DbSet<ModelGroup> ModelGroups => Set<ModelGroup>();

    public DbSet<ModelGroupMember> ModelGroupMembers => Set<ModelGroupMember>();

    public DbSet<ModelAvatar> ModelAvatars => Set<ModelAvatar>();

    public DbSet<RoutingPolicy> RoutingPolicies => Set<RoutingPolicy>();

    public DbSet<RoutingTarget> RoutingTargets => Set<RoutingTarget>();

    public DbSet<UsageRow> UsageRows => Set<UsageRow>();

    public DbSet<UsageHour> UsageHours => Set<UsageHour>();

    public DbSet<Job> Jobs => Set<Job>();

    public DbSet<StoredFile> Files => Set<StoredFile>();

    public DbSet<BatchRow> Batches => Set<BatchRow>();

    public DbSet<BatchChunk> BatchChunks => Set<BatchChunk>();

    public DbSet<ChatSession> ChatSessions => Set<ChatSession>();

    public DbSet<Room> Rooms => Set<Room>();

    public DbSet<RoomMember> RoomMembers => Set<RoomMember>();

    public DbSet<Message> Messages => Set<Message>();

    public DbSet<TaskRow> ScheduledTasks => Set<TaskRow>();

    public DbSet<Webhook> Webhooks => Set<Webhook>();

    public DbSet<WebhookDelivery> WebhookDeliveries => Set<WebhookDelivery>();

    public DbSet<AuditRow> AuditRows => Set<AuditRow>();

    public DbSet<AuditChainEnd> AuditChainEnds => Set<AuditChainEnd>();

    public DbSet<IdempotencyKey> IdempotencyKeys => Set<IdempotencyKey>();

    public DbSet<UsageDay> UsageDays => Set<UsageDay>();

    public DbSet<UsageGroupHour> UsageGroupHours => Set<UsageGroupHour>();

    public DbSet<UsageGroupMinute> UsageGroupMinutes => Set<UsageGroupMinute>();

    public DbSet<ModelPrice> ModelPrices => Set<ModelPrice>();

    public DbSet<Budget> Budgets => Set<Budget>();

    public DbSet<BudgetMark> BudgetMarks => Set<BudgetMark>();

    public DbSet<RateLimitRow> RateLimits => Set<RateLimitRow>();

    public DbSet<SnapshotRevision> SnapshotRevisions => Set<SnapshotRevision>();

    public DbSet<SnapshotChange> SnapshotChanges => Set<SnapshotChange>();

    /// <summary>The snapshot changes of the running transaction; see <see cref="SnapshotInterceptor"/>.</summary>
    internal SnapshotChangeSet SnapshotChangeSet { get; } = new();

    /// <summary>For changes that bypass the change tracker (ExecuteUpdate, SQL): call inside the transaction that makes them.</summary>
    public void MarkSnapshotChanged() => SnapshotChangeSet.AddEverything();

    /// <summary>Not supported: it would block a thread and bypass the interceptors.</summary>
    public override int SaveChanges(bool acceptAllChangesOnSuccess) => throw new NotSupportedException("Use SaveChangesAsync.");

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) => configurationBuilder.UseStoredTypes();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.ApplyConfiguration(new PartnerConfiguration());
        modelBuilder.ApplyConfiguration(new TenantConfiguration());
        modelBuilder.ApplyConfiguration(new UserConfiguration());
        modelBuilder.ApplyConfiguration(new UserRoleConfiguration());
        modelBuilder.ApplyConfiguration(new UserCustomRoleConfiguration());
        modelBuilder.ApplyConfiguration(new UserModulePermissionConfiguration());
        modelBuilder.ApplyConfiguration(new CustomRoleConfiguration());
        modelBuilder.ApplyConfiguration(new GroupConfiguration());
        modelBuilder.ApplyConfiguration(new GroupMemberConfiguration());
        modelBuilder.ApplyConfiguration(new GroupChildConfiguration());
        modelBuilder.ApplyConfiguration(new RoleMappingConfiguration());
        modelBuilder.ApplyConfiguration(new ApiKeyConfiguration());
        modelBuilder.ApplyConfiguration(new SessionConfiguration());
        modelBuilder.ApplyConfiguration(new ScaiKeyEventRowConfiguration());
        modelBuilder.ApplyConfiguration(new ScaiKeyResourceConfiguration());
        modelBuilder.ApplyConfiguration(new ProviderConfiguration());
        modelBuilder.ApplyConfiguration(new BackendConfiguration());
        modelBuilder.ApplyConfiguration(new ModelConfiguration());
        modelBuilder.ApplyConfiguration(new ModelAccessConfiguration());
        modelBuilder.ApplyConfiguration(new ModelGroupConfiguration());
        modelBuilder.ApplyConfiguration(new ModelGroupMemberConfiguration());
        modelBuilder.ApplyConfiguration(new ModelAvatarConfiguration());
        modelBuilder.ApplyConfiguration(new RoutingPolicyConfiguration());
        modelBuilder.ApplyConfiguration(new RoutingTargetConfiguration());
        modelBuilder.ApplyConfiguration(new UsageRowConfiguration());
        modelBuilder.ApplyConfiguration(new UsageHourConfiguration());
        modelBuilder.ApplyConfiguration(new JobConfiguration());
        modelBuilder.ApplyConfiguration(new StoredFileConfiguration());
        modelBuilder.ApplyConfiguration(new BatchRowConfiguration());
        modelBuilder.ApplyConfiguration(new BatchChunkConfiguration());
        modelBuilder.ApplyConfiguration(new ChatSessionConfiguration());
        modelBuilder.ApplyConfiguration(new RoomConfiguration());
        modelBuilder.ApplyConfiguration(new RoomMemberConfiguration());
        modelBuilder.ApplyConfiguration(new MessageConfiguration());
        modelBuilder.ApplyConfiguration(new TaskRowConfiguration());
        modelBuilder.ApplyConfiguration(new WebhookConfiguration());
        modelBuilder.ApplyConfiguration(new WebhookDeliveryConfiguration());
        modelBuilder.ApplyConfiguration(new AuditRowConfiguration());
        modelBuilder.ApplyConfiguration(new AuditChainEndConfiguration());
        modelBuilder.ApplyConfiguration(new IdempotencyKeyConfiguration());
        modelBuilder.ApplyConfiguration(new UsageDayConfiguration());
        modelBuilder.ApplyConfiguration(new UsageGroupHourConfiguration());
        modelBuilder.ApplyConfiguration(new UsageGroupMinuteConfiguration());
        modelBuilder.ApplyConfiguration(new ModelPriceConfiguration());
        modelBuilder.ApplyConfiguration(new BudgetConfiguration());
        modelBuilder.ApplyConfiguration(new BudgetMarkConfiguration());
        modelBuilder.ApplyConfiguration(new RateLimitRowConfiguration());
        modelBuilder.ApplyConfiguration(new SnapshotRevisionConfiguration());
        modelBuilder.ApplyConfiguration(new SnapshotChangeConfiguration());
        modelBuilder.UseStoredNames();
    }
}
