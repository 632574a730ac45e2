using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Idempotency;

/// <summary>An idempotency key of a write, from the start of the write until its response expires.</summary>
internal sealed class IdempotencyKey
{
    /// <summary>SHA-256 of caller and key, so that neither is visible in the table.</summary>
    public required string Id { get; init; }

    /// <summary>SHA-256 of method, path and body of the write.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The id of the call that may commit.</summary>
    public required string Owner { get; init; }

    /// <summary>One of <see cref="KeyState"/>.</summary>
    public required string State { get; init; }

    /// <summary>When another call may take over a write that has not been committed.</summary>
    public required DateTimeOffset ClaimedUntil { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>An encrypted <see cref="KeptAnswer"/>: it may contain an API key.</summary>
    public string? Answer { get; init; }
}

internal static class KeyState
{
    public const string Running = "running";

    /// <summary>The write is committed, but its response is not stored yet.</summary>
    public const string Committed = "committed";

    public const string Answered = "answered";
}

/// <summary>The right to carry out the write of a key.</summary>
internal sealed record IdempotencyClaim(string Id, string Owner);

/// <summary>A stored response.</summary>
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
