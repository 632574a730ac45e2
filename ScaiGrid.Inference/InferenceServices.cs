using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Images;
using ScaiGrid.Inference.Media;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Moderations;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Surfaces;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference;

/// <summary>Registers the hot path. Everything is a singleton: the object graph is built once.</summary>
public static class InferenceServices
{
    /// <summary>For hosts that serve inference: Api, Grpc, and the Worker, which runs batches.</summary>
    public static void AddInference(this IHostApplicationBuilder builder)
    {
        var host = builder.AddSettings<HostSettings>();
        builder.AddSettings<InferenceOptions>();
        var services = builder.Services;
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<SnapshotStore>();
        builder.AddProviders();
        services.AddSingleton<InferenceMetrics>();
        services.AddSingleton<UsageBuffer>();
        services.AddSingleton(provider => new UsageJournal(host.DataDirectory, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AbandonedJournals>();
        services.AddSingleton<UsageMeter>();
        services.AddSingleton<JournalMetrics>();
        services.AddSingleton<UsageSettlement>();
        services.AddSingleton<ModelResolver>();
        services.AddSingleton<RequestBodies>();
        services.AddSingleton<CallDeadlines>();
        services.AddSingleton<Dispatcher>();
        services.AddSingleton<CallRunner>();
        services.AddSingleton<ChatPipeline>();
        services.AddSingleton<DocumentPipeline>();
        services.AddSingleton(provider => new EmbeddingOperation(provider.GetRequiredService<DocumentPipeline>()));
        services.AddSingleton<ImageAnswers>();
        services.AddSingleton<ImageOperation>();
        services.AddSingleton<ModerationOperation>();
        services.AddSingleton<SpeechPipeline>();
        services.AddSingleton<TranscriptionPipeline>();
        builder.AddMedia();
        services.AddHostedService<UsageShipper>();
        builder.AddAdmission();
        services.AddSingleton<HealthBoard>();
        services.AddSingleton<CircuitStore>();
        services.AddHostedService<CircuitExchange>();
    }

    private static void AddMedia(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<PublicOptions>();
        builder.AddSettings<SecretOptions>();
        builder.AddBlobStore();
        builder.Services.AddSingleton<MediaStore>();
        builder.Services.AddSingleton<MediaLinks>();
        builder.Services.AddTransient<MediaCleanup>();
    }

    private static void AddAdmission(this IHostApplicationBuilder builder)
    {
        var options = builder.AddSettings<AdmissionOptions>();
        var services = builder.Services;
        services.AddSingleton<AdmissionStore>();
        services.AddSingleton<AdmissionMetrics>();
        services.AddSingleton(provider => new CallAdmission(
            provider.GetRequiredService<AdmissionStore>(),
            provider.GetRequiredService<SnapshotStore>(),
            options,
            provider.GetRequiredService<IBudgetLedger>(),
            provider.GetRequiredService<AdmissionMetrics>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<CallAdmission>>()));
        services.AddTransient<WindowLimiter>();
        services.AddSingleton(provider => new AddressLimiter(provider.GetRequiredService<WindowLimiter>(), options));
        services.AddSingleton(provider => new ControlPlaneLimiter(
            provider.GetRequiredService<CallAdmission>(), provider.GetRequiredService<WindowLimiter>(), options, provider.GetRequiredService<AdmissionMetrics>()));
        services.AddSingleton<RefusedCalls>();
        services.AddSingleton<AbandonedReservations>();
        services.AddHostedService<ReservationKeeper>();
    }

    private static void AddProviders(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<UpstreamHttp>();
        builder.Services.AddSingleton<ProviderCatalog>();
    }
}
