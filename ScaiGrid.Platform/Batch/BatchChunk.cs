using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Batch;

/// <summary>The result of one chunk, written once, by the worker that held its job.</summary>
internal sealed class BatchChunk
{
    public required string BatchId { get; init; }

    public required int Number { get; init; }

    /// <summary>The attempt whose results count; it is part of their blobs' names.</summary>
    public required int Attempt { get; init; }

    public required int Completed { get; init; }

    public required int Failed { get; init; }
}

internal sealed class BatchChunkConfiguration : IEntityTypeConfiguration<BatchChunk>
{
    public void Configure(EntityTypeBuilder<BatchChunk> builder)
    {
        builder.ToTable("batch_chunks");
        builder.HasKey(chunk => new { chunk.BatchId, chunk.Number });
    }
}
