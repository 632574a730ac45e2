using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Grpc.Hosting;

internal static class CallExtensions
{
    /// <summary>The caller that <see cref="CallGate"/> authenticated.</summary>
    public static Caller GetCaller(this ServerCallContext context) => context.GetHttpContext().Features.GetRequiredFeature<Caller>();

    public static string GetRequestId(this ServerCallContext context) => context.GetHttpContext().TraceIdentifier;
}
