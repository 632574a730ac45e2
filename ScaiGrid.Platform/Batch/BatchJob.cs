using System.Text.Json;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>The payload of a batch job: one step of one batch.</summary>
/// <param name="BatchId">batch_…</param>
/// <param name="Step">One of <see cref="BatchStep"/>.</param>
/// <param name="Chunk">The number of the chunk; for the step <see cref="BatchStep.Run"/> only.</param>
internal sealed record BatchJob(string BatchId, string Step, int Chunk = 0)
{
    public const string Queue = "batches";

    public static BatchJob Read(string payload) => JsonSerializer.Deserialize<BatchJob>(payload) ?? throw new JsonException("A batch's job has no payload.");

    public static void Add(PlatformDb db, BatchRow batch, string step, TimeProvider time, int chunk = 0) => db.Jobs.Add(Job.New(
        time, Queue, JsonSerializer.Serialize(new BatchJob(batch.Id, step, chunk)), batch.TenantId, batch.PartnerId, lane: batch.Id));
}

internal static class BatchStep
{
    /// <summary>Fetches the input, checks it, and divides it into chunks.</summary>
    public const string Validate = "validate";

    /// <summary>Makes the calls of one chunk.</summary>
    public const string Run = "run";

    /// <summary>Joins the chunks' results.</summary>
    public const string Finish = "finish";
}
