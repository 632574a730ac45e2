using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Idempotency;

/// <summary>A key that a caller sent with a write, from the moment the write begins until its answer is no longer kept.</summary>
internal sealed class IdempotencyKey
{
    /// <summary>SHA-256 of caller and key: neither shows in the table.</summary>
    public required string Id { get; init; }

    /// <summary>SHA-256 of method, path and body: what the key stands for.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The call that may commit.</summary>
    public required string Owner { get; init; }

    /// <summary>One of <see cref="KeyState"/>.</summary>
    public required string State { get; init; }

    /// <summary>When another call may take a write over that has not been committed.</summary>
    public required DateTimeOffset ClaimedUntil { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>A sealed <see cref="KeptAnswer"/>: it may hold an API key.</summary>
    public string? Answer { get; init; }
}

internal static class KeyState
{
    public const string Running = "running";

    /// <summary>The write is stored, its answer not yet.</summary>
    public const string Committed = "committed";

    public const string Answered = "answered";
}

/// <summary>The right to carry out the write that a key stands for.</summary>
internal sealed record IdempotencyClaim(string Id, string Owner);

/// <summary>An answer as it is given again.</summary>
internal sealed record KeptAnswer(int Status, string? ContentType, string? Location, string Body);

internal sealed class IdempotencyKeyConfiguration : IEntityTypeConfiguration<IdempotencyKey>
{
    public void Configure(EntityTypeBuilder<IdempotencyKey> builder)
    {
        builder.ToTable("idempotency_keys");
        builder.Property(key => key.Id).HasMaxLength(64);
        builder.Property(key => key.Fingerprint).IsUnicode(false).HasMaxLength(64);
        builder.Property(key => key.Owner).IsUnicode(false).HasMaxLength(Core.Ids.MaxLength);
    }
}
