using System.Text.Json;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>The payload of a job of the batches' queue: one step of one batch.</summary>
/// <param name="BatchId">batch_…</param>
/// <param name="Step">One of <see cref="BatchStep"/>.</param>
/// <param name="Chunk">Which chunk, for that step.</param>
internal sealed record BatchJob(string BatchId, string Step, int Chunk = 0)
{
    public const string Queue = "batches";

    public static BatchJob Read(string payload) => JsonSerializer.Deserialize<BatchJob>(payload) ?? throw new JsonException("A batch's job has no payload.");

    public static void Add(PlatformDb db, BatchRow batch, string step, TimeProvider time, int chunk = 0) => db.Jobs.Add(Job.New(
        time, Queue, JsonSerializer.Serialize(new BatchJob(batch.Id, step, chunk)), batch.TenantId, batch.PartnerId, lane: batch.Id));
}

internal static class BatchStep
{
    /// <summary>Fetch the input, check it, and divide it into chunks.</summary>
    public const string Validate = "validate";

    /// <summary>Make the calls of one chunk.</summary>
    public const string Run = "run";

    /// <summary>Put the chunks' results together.</summary>
    public const string Finish = "finish";
}
