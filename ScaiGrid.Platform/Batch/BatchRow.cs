using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;

namespace ScaiGrid.Platform.Batch;

/// <summary>A batch: many inference calls in one file, made by the worker at a lower price.</summary>
internal sealed class BatchRow
{
    /// <summary>What the keys of all batches' blobs begin with.</summary>
    public const string Folder = "batches/";

    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string PartnerId { get; init; }

    public required string UserId { get; init; }

    public string? ApiKeyId { get; init; }

    /// <summary>One of <see cref="BatchSurface"/>: the surface of the lines' URLs.</summary>
    public required string Surface { get; init; }

    /// <summary>The URL of all lines, if the caller specified it.</summary>
    public string? Endpoint { get; init; }

    public required string CompletionWindow { get; init; }

    /// <summary>Per cent of the usual price.</summary>
    public required int PricePercent { get; init; }

    public required string Status { get; set; }

    /// <summary>The URL of the input. Cleared after the fetch, because a pre-signed URL gives access to its content.</summary>
    [Private]
    public string? InputUrl { get; set; }

    public string? InputFileId { get; set; }

    public string? OutputFileId { get; set; }

    public string? ErrorFileId { get; set; }

    /// <summary>The number of lines.</summary>
    public int Total { get; set; }

    public int Completed { get; set; }

    public int Failed { get; set; }

    /// <summary>The number of parts that the lines were divided into, one job each.</summary>
    public int Chunks { get; set; }

    public int ChunksDone { get; set; }

    /// <summary>A JSON array of the mistakes in the input; null if there are none.</summary>
    public string? Errors { get; set; }

    [Private]
    public required string Metadata { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? InProgressAt { get; set; }

    public DateTimeOffset? FinalizingAt { get; set; }

    public DateTimeOffset? CancellingAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>The name of the set of a chunk's calls, each of which budgets count once.</summary>
    public string Calls(int number) => $"{Id}-{number}";

    public string ChunkKey(int number, string part) => $"{Folder}{TenantId}/{Id}/{number:D6}/{part}";
}

internal static class BatchStatus
{
    public const string Validating = "validating";
    public const string InProgress = "in_progress";
    public const string Finalizing = "finalizing";
    public const string Completed = "completed";
    public const string Failed = "failed";
    public const string Expired = "expired";
    public const string Cancelling = "cancelling";
    public const string Cancelled = "cancelled";
}

internal static class BatchSurface
{
    public const string Native = "native";
    public const string OpenAi = "openai";
}

internal sealed class BatchRowConfiguration : IEntityTypeConfiguration<BatchRow>
{
    public void Configure(EntityTypeBuilder<BatchRow> builder)
    {
        builder.ToTable("batches");
        builder.HasIndex(batch => new { batch.TenantId, batch.UserId, batch.Id });
        builder.HasIndex(batch => new { batch.TenantId, batch.EndedAt });
    }
}
