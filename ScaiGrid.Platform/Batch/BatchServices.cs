using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Calls;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>Registers files and batches: for hosts that accept them, and for the worker that runs them.</summary>
internal static class BatchServices
{
    private const int MaxAttempts = 20;

    public static void AddBatches(this IHostApplicationBuilder builder)
    {
        builder.AddBlobStore();
        builder.AddSettings<UploadOptions>();
        builder.AddSettings<BatchOptions>();
        builder.Services.AddSingleton<FileStore>();
        builder.Services.AddSingleton<BatchStore>();
        builder.Services.AddSingleton<InProcessInference>();
    }

    /// <summary>Requires the snapshot and inference.</summary>
    public static void AddBatchQueue(this IHostApplicationBuilder builder)
    {
        builder.AddBatches();
        builder.Services.AddSingleton<InputFetcher>();
        builder.Services.AddSingleton<BatchCallers>();
        builder.Services.AddSingleton<BatchValidation>();
        builder.Services.AddSingleton<ChunkStore>();
        builder.Services.AddSingleton<BatchRun>();
        builder.Services.AddSingleton<BatchFinish>();
        builder.Services.AddTransient<BatchRescue>();
        builder.Services.AddTransient<FileRetention>();
        builder.Services.AddTransient<FileSweep>();
        builder.Services.AddJobQueue<BatchHandler>(BatchJob.Queue, BatchHandler.Concurrency, MaxAttempts);
    }
}
