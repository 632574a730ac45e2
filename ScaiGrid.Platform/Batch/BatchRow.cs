using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core.Audit;

namespace ScaiGrid.Platform.Batch;

/// <summary>Many inference calls in one file, made by the worker at a lower price.</summary>
internal sealed class BatchRow
{
    public required string Id { get; init; }

    public required string TenantId { get; init; }

    public required string PartnerId { get; init; }

    public required string UserId { get; init; }

    public string? ApiKeyId { get; init; }

    /// <summary>One of <see cref="BatchSurface"/>: which URLs its lines name.</summary>
    public required string Surface { get; init; }

    /// <summary>The one URL of all lines, where the caller gave it.</summary>
    public string? Endpoint { get; init; }

    public required string CompletionWindow { get; init; }

    /// <summary>Of the usual price.</summary>
    public required int PricePercent { get; init; }

    public required string Status { get; set; }

    /// <summary>Where the input is to be fetched from. Null as soon as that was tried: whoever has a pre-signed URL may read what it leads to.</summary>
    [Private]
    public string? InputUrl { get; set; }

    public string? InputFileId { get; set; }

    public string? OutputFileId { get; set; }

    public string? ErrorFileId { get; set; }

    /// <summary>Lines.</summary>
    public int Total { get; set; }

    public int Completed { get; set; }

    public int Failed { get; set; }

    /// <summary>Parts that the lines were divided into, each the work of one job.</summary>
    public int Chunks { get; set; }

    public int ChunksDone { get; set; }

    /// <summary>JSON array of what is wrong with the input; null when nothing is.</summary>
    public string? Errors { get; set; }

    [Private]
    public required string Metadata { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? InProgressAt { get; set; }

    public DateTimeOffset? FinalizingAt { get; set; }

    public DateTimeOffset? CancellingAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>The name of a chunk's calls, each of which budgets count once.</summary>
    public string Calls(int number) => $"{Id}-{number}";

    public string ChunkKey(int number, string part) => $"batches/{TenantId}/{Id}/{number:D6}/{part}";
}

/// <summary>What one chunk came to, written once, by the job that still held it.</summary>
internal sealed class BatchChunk
{
    public required string BatchId { get; init; }

    public required int Number { get; init; }

    /// <summary>Which attempt's results count; their blobs carry it in their names.</summary>
    public required int Attempt { get; init; }

    public required int Completed { get; init; }

    public required int Failed { get; init; }
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
    }
}

internal sealed class BatchChunkConfiguration : IEntityTypeConfiguration<BatchChunk>
{
    public void Configure(EntityTypeBuilder<BatchChunk> builder)
    {
        builder.ToTable("batch_chunks");
        builder.HasKey(chunk => new { chunk.BatchId, chunk.Number });
    }
}
